"""The bus as files of the workspace: mirrors of the requests, the inbox folder, files that ask, and follow-ups."""
