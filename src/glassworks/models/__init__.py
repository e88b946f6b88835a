"""The systems, one a file, read from top to bottom. They know nothing of data, training or disks."""
