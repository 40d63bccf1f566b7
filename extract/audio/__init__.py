"""The audio of a video: decoding, mp3, mel bands and MFCC."""
