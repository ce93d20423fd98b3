"""The pages: two doors to one trial, one for the blinded and one for those who may know an arm."""
