"""Makes documents with truth to train readers on. Never imported by the site; see docs/generator.md."""
