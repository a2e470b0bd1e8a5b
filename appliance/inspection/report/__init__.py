"""The report that a compliance officer signs and files: facts as JSON, and a page of HTML to show them."""
