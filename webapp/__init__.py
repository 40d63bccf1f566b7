"""The room ``webapp``: one web application to browse products, annotate pairs and review labels."""
