"""RSS documents made of items."""


def rss(*items: str) -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{"".join(items)}</channel></rss>'.encode()


def item(title="A title", link="https://news.example/a", guid=None, date=None, description="Some text") -> str:
    return (
        "<item>"
        + (f"<title>{title}</title>" if title is not None else "")
        + (f"<link>{link}</link>" if link is not None else "")
        + (f"<guid>{guid}</guid>" if guid is not None else "")
        + (f"<pubDate>{date}</pubDate>" if date is not None else "")
        + (f"<description>{description}</description>" if description is not None else "")
        + "</item>"
    )
