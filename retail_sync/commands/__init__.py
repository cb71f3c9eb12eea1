"""Commands under a noun, a file each. Arguments in, words out: what is done and computed belongs to the other packages."""
