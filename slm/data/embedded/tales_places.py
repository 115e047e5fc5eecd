"""Where tales happen, and the spots there. Knows no plot."""

from typing import NamedTuple

from slm.data.embedded.tales_grammar import read_blocks


class Place(NamedTuple):
    """Somewhere to live, or to go to.

    `at` is where one is when there ("in the forest"). Wild kinds live in wild places alone.
    `hidden` spots hold a thing, `open_` ones a few friends; `scenes` are sentences.
    """

    name: str
    at: str
    wild: bool
    hidden: tuple[str, ...]
    open_: tuple[str, ...]
    scenes: tuple[str, ...]


_PLACES = """
the forest: in the forest (wild)
under the big fern|in the hollow log|behind the mossy stump|among the oak roots
under the tallest oak|by the quiet spring|in the sunny clearing
The leaves whispered overhead.|A woodpecker knocked on a trunk.

the meadow: at the edge of the meadow (wild)
in the tall grass|among the daisies|behind the thorn bush|beside the molehill
by the lonely willow|on the flat stone|beside the haystack
Bees hummed over the clover.|White butterflies danced in the air.

the sea: by the sea (wild)
behind the sand dune|in the sea cave|behind the wet rocks|under the seaweed
on the long beach|beside the upturned boat|under the white cliff
The waves rolled in and out.|Gulls cried above the foam.

the lake: beside the lake (wild)
in the reeds|under the wooden pier|behind the grey boulder|behind the fishing hut
on the sandy shore|by the boat house|under the two birches
The water lay as smooth as glass.|A heron stood on one leg.

the river: on the bank of the river (wild)
under the stone bridge|under the willow roots|behind the sandbank|in the bulrushes
on the old bridge|by the ferry|at the bend of the stream
The current gurgled over the stones.|Dragonflies flashed in the light.

the mountain: at the foot of the mountain (wild)
under the flat rock|in the narrow cave|behind the waterfall|among the thistles
by the cold spring|on the grassy ledge|beside the tall cairn
Snow gleamed on the peak.|An eagle circled high above.

the valley: in a green valley (wild)
among the brambles|behind the stone wall|in the dry ditch|under the rose hedge
at the crossroads|by the stream|under the walnut tree
Sheep bells rang on the slopes.|Mist lifted from the fields.

the island: on a small island (wild)
under the palm leaves|behind the driftwood|in the old cave|under the fishing net
by the lighthouse|on the warm sand|under the bent palm
The tide sparkled all around.|A salty breeze blew from the bay.

the hills: among the hills (wild)
in the heather|behind the round boulder|in the empty sheepfold|under the gorse
on the highest hill|beside the ruined tower|by the shepherd's fire
Larks sang in the sky.|The heather glowed in the sun.

the jungle: deep in the jungle (wild)
under the giant leaf|behind the vines|in the bamboo|under the orchids
by the waterfall|under the fig tree|beside the muddy pool
Parrots chattered in the treetops.|Warm rain dripped from the vines.

the farm: on a farm
in the hay|behind the barn door|behind the milk cans|beside the pigsty
behind the barn|in the apple orchard|by the duck pond
Hens clucked in the yard.|A rooster sang on the fence.

the village: in a quiet village
under the bench|behind the rain barrel|behind the flower pots|beside the woodpile
by the old well|on the village green|in front of the church
Smoke curled from the chimneys.|Swallows darted over the roofs.

the town: in a busy town
under the market cart|behind the iron gate|behind the post office|under the stairs
by the fountain|in the market square|under the clock tower
Wheels rattled over the stones.|Bread smells drifted down the street.

the harbour: near the harbour
under the tangled net|behind the barrels|in the empty crate|beside the anchor
at the end of the pier|beside the lighthouse|by the fishing boats
Masts creaked in the wind.|Ships came home with silver fish.

the castle: beside a castle
behind the rusty armour|behind the curtain|in the empty moat|under the marble steps
on the drawbridge|in the great hall|in the rose garden
Flags fluttered on the towers.|A trumpet sounded from the gate.

the mill: close to the mill
behind the flour sacks|under the mill wheel|in the straw|under the wooden steps
by the mill pond|on the wooden bridge|beside the mill stream
The great wheel went round and round.|Flour dust hung in the sunlight.

the garden: next to a large garden
among the rhubarb|behind the beehive|in the wheelbarrow|among the cabbages
in the summer house|under the cherry tree|by the sundial
Roses climbed over the wall.|A blackbird sang in the hedge.

the market: near the market
under the last stall|behind the pumpkins|in the empty barrel|under the tablecloth
at the corner|by the lamp post|beside the pump
People shouted and laughed.|Pears and plums shone in rows.
"""


def _read_place(lines: list[str]) -> Place:
    """The place that four lines tell of: name and where, hidden spots, open ones, scenes."""
    name, _, at = lines[0].partition(": ")
    hidden, open_, scenes = (tuple(line.split("|")) for line in lines[1:])
    return Place(name, at.removesuffix(" (wild)"), at.endswith("(wild)"), hidden, open_, scenes)


PLACES = tuple(_read_place(block) for block in read_blocks(_PLACES))

HOME_SPOTS = (
    "by the garden wall",
    "under the window",
    "behind the house",
    "beside the fence",
    "next to the front door",
    "in a big pot",
    "at the edge of the path",
    "between two stones",
)
"""Spots at anybody's home where something may be planted."""
