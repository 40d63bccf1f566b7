"""The media downloader: fetch each URL once, politely, and believe nothing that comes."""
