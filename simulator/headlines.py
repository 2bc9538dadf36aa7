"""Templates of simulated articles, by mood, and of articles that mention a coin's name with another meaning."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from random import Random
from typing import Literal

Mood = Literal["positive", "negative", "neutral"]


@dataclass(frozen=True, slots=True)
class Template:
    """One story with placeholders: `{coin}`, `{other}`, `{percent}`, `{millions}`, `{firm}`, `{place}`, `{person}`...

    `titles`: the first newsroom's headline, then variants by others, each less similar. The first two contain a number,
    so that two stories from one template differ.
    """

    section: str
    _: KW_ONLY
    titles: tuple[str, ...]
    summary: str
    paragraphs: tuple[str, ...]


TEMPLATES: dict[Mood, tuple[Template, ...]] = {
    "positive": (
        Template(
            "Markets",
            titles=(
                "{coin} surges {percent}% as buyers return",
                "{coin} jumps {percent}% as buyers come back",
                "Strong rally lifts {coin} {percent}% to a fresh high",
            ),
            summary="{coin} gained {percent}% within hours as strong demand met thin supply, beating {other}.",
            paragraphs=(
                "{coin} climbed {percent}% on heavy volume, its best session in {days} days.",
                "Traders at {firm} called the rally impressive and said momentum remains strong.",
            ),
        ),
        Template(
            "Business",
            titles=(
                "{firm} adds ${millions} million of {coin} to its treasury",
                "{firm} adds ${millions}M in {coin} to treasury",
                "{coin} wins over {firm} with ${millions}M buy",
            ),
            summary="{firm} said it is excited about the growth of {coin} and plans further purchases.",
            paragraphs=(
                "The company bought {coin} over {days} days at what it calls an attractive price.",
                "{person} described the purchase as a great success for shareholders.",
            ),
        ),
        Template(
            "Policy",
            titles=(
                "{place} approves {firm}'s ${millions} million {coin} fund",
                "{firm}'s ${millions}M {coin} fund is approved by {place}",
                "Regulator in {place} clears {coin} fund in win for investors",
            ),
            summary="Approval in {place} is a breakthrough for {coin}, supporters say, and gives savers safe access.",
            paragraphs=(
                "The regulator praised the applicant's excellent record and approved the product after {days} days.",
                "{person} welcomed the decision as good news for everyone who holds {coin}.",
            ),
        ),
        Template(
            "Tech",
            titles=(
                "{coin} upgrade {release} goes live, cuts fees by {share}%",
                "Upgrade {release} of {coin} live, cutting fees by {share}%",
                "Smooth upgrade makes {coin} faster and cheaper",
            ),
            summary="Developers celebrated a flawless upgrade that makes {coin} faster, safer and cheaper to use.",
            paragraphs=(
                "The upgrade was activated without a hitch after {days} days of successful tests.",
                "{person} thanked contributors for their brilliant work.",
            ),
        ),
        Template(
            "Business",
            titles=(
                "{firm} brings {coin} payments to {figure} shops in {place}",
                "{figure} shops in {place} get {coin} payments from {firm}",
                "{place} gets {coin} payments in promising deal",
            ),
            summary="The partnership brings easy, reliable {coin} payments to shops in {place}.",
            paragraphs=(
                "{firm} expects strong growth and a better experience for its customers.",
                "Analysts see the deal as an encouraging sign for {coin} adoption.",
            ),
        ),
        Template(
            "Markets",
            titles=(
                "Record inflows: investors pour ${millions} million into {coin} funds",
                "Investors pour record inflows of ${millions}M into {coin} funds",
                "{coin} funds enjoy best week with ${millions}M inflow",
            ),
            summary="Funds holding {coin} attracted a record ${millions} million as optimism spread.",
            paragraphs=(
                "Inflows beat the previous record by {percent}%.",
                "Confidence in {coin} has improved, {firm} wrote.",
            ),
        ),
    ),
    "negative": (
        Template(
            "Markets",
            titles=(
                "{coin} plunges {percent}% as fear grips traders",
                "{coin} tumbles {percent}% as fear grips its traders",
                "Brutal selloff wipes {percent}% off {coin}",
            ),
            summary=(
                "{coin} crashed {percent}% in a violent selloff that hurt leveraged traders and dragged down {other}."
            ),
            paragraphs=(
                "Liquidations reached ${millions} million as panic spread, the worst loss in {days} days.",
                "{firm} warned that a deeper decline is likely.",
            ),
        ),
        Template(
            "Tech",
            titles=(
                "Hackers drain ${millions} million in {coin} from {firm}",
                "${millions}M in {coin} drained from {firm} by hackers",
                "{firm} halts withdrawals after ${millions}M {coin} theft",
            ),
            summary="A devastating hack at {firm} cost users ${millions} million in {coin}; withdrawals are suspended.",
            paragraphs=(
                "Attackers exploited a serious flaw that had been ignored for {days} days.",
                "Victims are angry and fear that their money is lost.",
            ),
        ),
        Template(
            "Policy",
            titles=(
                "{place} sues {firm} over alleged ${millions} million {coin} fraud",
                "{firm} sued by {place} over alleged {coin} fraud of ${millions}M",
                "{firm} faces fraud charges in {place} over {coin} sales",
            ),
            summary="Prosecutors in {place} accuse {firm} of deceiving customers who bought {coin}.",
            paragraphs=(
                "The complaint describes a scheme that caused losses of ${millions} million.",
                "{person} denied the accusations and called the case a disaster for the industry.",
            ),
        ),
        Template(
            "Policy",
            titles=(
                "{place} bans {coin} trading after {figure} scam complaints",
                "{figure} scam complaints: {place} bans trading of {coin}",
                "{coin} slumps as {place} orders trading ban",
            ),
            summary="The ban is a painful blow to {coin} holders in {place}, who have {days} days to sell.",
            paragraphs=("Officials blamed rising scams and money laundering.", "Exchanges fear a collapse in volume."),
        ),
        Template(
            "Tech",
            titles=(
                "{coin} network suffers {share}-minute outage, second in {days} days",
                "Second outage in {days} days: {coin} network down {share} minutes",
                "Outage halts {coin}, users furious",
            ),
            summary="The {coin} network failed for hours, leaving users frustrated and payments stuck.",
            paragraphs=(
                "Engineers blamed a bug in the newest release.",
                "{firm} stopped deposits because of the failure.",
            ),
        ),
        Template(
            "Business",
            titles=(
                "{firm} files for bankruptcy after ${millions} million of bad {coin} bets",
                "${millions}M of bad {coin} bets: {firm} files for bankruptcy",
                "Bad {coin} bets sink {firm}",
            ),
            summary="{firm} collapsed with debts of ${millions} million after losing bets on {coin}.",
            paragraphs=("Creditors expect heavy losses.", "{person} resigned and apologised for the failure."),
        ),
    ),
    "neutral": (
        Template(
            "Markets",
            titles=(
                "{coin} trades flat on ${millions} million of volume ahead of inflation data",
                "Ahead of inflation data {coin} trades flat on ${millions}M of volume",
                "What to watch in {coin} this week",
            ),
            summary="{coin} and {other} moved sideways as the market waited for figures from {place}.",
            paragraphs=("Volume was in line with its {days}-day average.", "{firm} kept its outlook unchanged."),
        ),
        Template(
            "Tech",
            titles=(
                "{coin} developers schedule call on release {release}",
                "Call on release {release} scheduled by {coin} developers",
                "Next {coin} release: the agenda",
            ),
            summary="Contributors to {coin} meet in {days} days to discuss the scope of the next release.",
            paragraphs=("The agenda lists four proposals.", "{person} will chair the call."),
        ),
        Template(
            "Policy",
            titles=(
                "{place} opens consultation on {coin} reporting rules, paper {figure}",
                "Paper {figure}: {place} opens consultation on rules for {coin} reporting",
                "{place} asks for comments on {coin} reporting",
            ),
            summary="The consultation on how {coin} holdings are reported runs for {days} days.",
            paragraphs=("Responses are due by the end of the period.", "The ministry did not comment further."),
        ),
        Template(
            "Business",
            titles=(
                "{firm} moves its {coin} desk of {days} people to {place}",
                "{coin} desk of {firm}, {days} people, moves to {place}",
                "{coin} desk of {firm} relocates",
            ),
            summary="The desk, which also handles {other}, will work from {place} as of next month.",
            paragraphs=("About {days} employees are part of the move.", "{person} remains head of the desk."),
        ),
    ),
}

# None of these is about a coin, though each contains a coin's name or ticker.
HARD_NEGATIVES: tuple[Template, ...] = (
    Template(
        "Opinion",
        titles=("The missing link between regulators and banks in {place}",),
        summary="A link in the chain of supervision is missing, writes {person}.",
        paragraphs=("Near the end of the year, officials hope to close the gap.",),
    ),
    Template(
        "Culture",
        titles=("A stellar quarter for museums in {place}", "Museums in {place} report stellar quarter"),
        summary="An exhibition on the cosmos drew crowds for {days} days.",
        paragraphs=("Visitors could see an atom-thin sheet of gold and a polka dot mural.",),
    ),
    Template(
        "World",
        titles=("Avalanche closes mountain pass near {place}",),
        summary="An avalanche blocked the road for {days} hours; nobody was hurt.",
        paragraphs=("Rescue teams said the snow will be cleared in the near future.",),
    ),
    Template(
        "Business",
        titles=("Payments firm {firm} stays solvent after merger", "{firm} merger: what the ripple effects mean"),
        summary="The deal may have a ripple effect on card fees, {person} said.",
        paragraphs=("The uni-directional transfer is worth ${millions} million.",),
    ),
    Template(
        "Technology",
        titles=("Chip maker in {place} opens dot-matrix museum",),
        summary="From the dot matrix to ether-net cabling: a tour of office history.",
        paragraphs=("The collection was a gift from {person}.",),
    ),
    Template(
        "Opinion",
        titles=("Why the founder of {firm} is adamant about open source",),
        summary="{person} is adamant: closed code has no place in finance.",
        paragraphs=("The essay closes with a nod to Ada Lovelace and a dig at the solar lobby.",),
    ),
)

_FIRMS = (
    "Harborline Capital",
    "Northgate Exchange",
    "Quillon Labs",
    "Meridian Trust",
    "Bluefen Bank",
    "Osprey Digital",
)
_PLACES = ("Brazil", "Singapore", "the United Kingdom", "Kenya", "South Korea", "Switzerland", "Texas", "Portugal")
_PEOPLE = ("Clara Mondego", "Henrik Aalto", "Priya Venkataraman", "Oluwaseun Bello", "Marguerite Duval")


def fill(random: Random, coins: Sequence[str]) -> dict[str, str]:
    """Random values for the placeholders. `coins`: at most two names; the default second is 'the wider market'."""
    return {
        "coin": coins[0] if coins else "",
        "other": coins[1] if len(coins) > 1 else "the wider market",
        "percent": f"{random.randrange(20, 100) / 10:g}",
        "share": str(random.randrange(12, 96)),
        "figure": str(random.randrange(101, 9_000)),
        "release": f"{random.randrange(1, 10)}.{random.randrange(10, 100)}",
        "millions": str(random.randrange(3, 480)),
        "days": str(random.randrange(3, 60)),
        "firm": random.choice(_FIRMS),
        "place": random.choice(_PLACES),
        "person": random.choice(_PEOPLE),
    }
