"""Usage signals: what shops say in robots.txt, headers, pages and licences about the use of their content."""
