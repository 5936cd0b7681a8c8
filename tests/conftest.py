"""The fixtures that the package ships are the ones its own tests use."""

pytest_plugins = ["harness.pytest_plugin"]
