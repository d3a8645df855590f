"""How MixCon3D draws texts and pictures, in its own words, with the lots given (dossier 1.3 and 1.7)."""

NAME, REJECTED, BLIP, AZURE, RETRIEVED = range(5)


def slow_text(sources, *, blip, lots, last):
    """The place of the one text that is drawn; None where the list of candidates stays empty."""
    candidates = []
    names = [place for place, source in enumerate(sources) if source == NAME]
    if names:
        candidates.append(names[int(lots[0] * len(names))])
    captions = [place for place, source in enumerate(sources) if source == (BLIP if blip else AZURE)]
    if captions:
        candidates.append(captions[int(lots[1] * len(captions))])
    retrieved = [place for place, source in enumerate(sources) if source == RETRIEVED]
    if retrieved:
        candidates.append(retrieved[int(lots[2] * len(retrieved))])
    return candidates[int(last * len(candidates))] if candidates else None


def slow_views(renders, thumbnail, *, lots, coin):
    """The pictures drawn: the thumbnail and M - 1 renders, or M renders."""
    drawn = [renders[int(lot * len(renders))] for lot in lots]
    return [thumbnail, *drawn[1:]] if thumbnail is not None and coin < 0.5 else drawn
