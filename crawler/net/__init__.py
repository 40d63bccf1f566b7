"""Network access: address guard, robots.txt and opt-outs, the HTTP policy and the client of pages."""
