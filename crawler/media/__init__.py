"""The media downloader: fetches each URL once, politely, and trusts nothing that it receives."""
