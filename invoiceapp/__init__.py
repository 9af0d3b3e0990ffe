"""The site: what people see, and the order in which things happen."""
