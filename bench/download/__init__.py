"""The room ``bench.download``: the media downloader beside img2dataset."""
