"""The fixtures that the package ships are the ones its own tests use, and databases of both kinds."""

pytest_plugins = ["harness.pytest_plugin", "tests.postgres"]
