"""Card: what it says of a child's relatives, with whom it is compared."""


def relatives(card: dict) -> dict[str, dict[str, float]]:
    """Returns the test scores of the parent, and of a model that began anew, where the card has them."""
    found = {}
    if scores := card.get("parent", {}).get("scores"):
        found[f"the parent, version {card['parent']['version']}"] = scores["test"]
    if "scratch" in card:
        found["a model begun anew"] = card["scratch"]["scores"]["test"]
    return found
