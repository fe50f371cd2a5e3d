"""What hosts are made of and what is done to them: YAML beside this file, read by `starter.catalogue_files`."""
