"""The words that tales draw from: names, kinds, places, things. Knows no plot and no grammar.

Every name is of one gender and is no other word of the tales, so that a reader (or a test) can
tell from the name alone which pronouns belong to it. Which name a character bears depends on
nothing else: only the tale itself tells.
"""

from itertools import zip_longest
from typing import NamedTuple


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    """What stands between bars; a line may end with one."""
    return tuple(text.strip().replace("|\n", "|").split("|"))


HER_NAMES = _words("""
Alma Anna Bella Betty Carla Clara Dora Edith Ella Emma Fiona Freya Gina Greta Hanna Ida Julia
Kira Lena Lucy Mia Mila Molly Nina Nora Olga Petra Rita Sara Sonia Tess Tilda Vera Wanda Zoe
""")
HIS_NAMES = _words("""
Adam Arthur Ben Bruno Carl Daniel Dennis Edgar Emil Felix Finn George Gus Henry Hugo Ivan Jacob
Jonas Leo Liam Martin Max Noah Oliver Oscar Otto Paul Peter Ralph Sam Simon Theo Tom Victor
Walter
""")
NAMES: tuple[tuple[str, str], ...] = tuple(
    (name, pronoun)
    for pair in zip_longest(HER_NAMES, HIS_NAMES)
    for name, pronoun in zip(pair, ("she", "he"), strict=True)
    if name
)
"""Each name with its pronoun, hers and his in turn; the first ones are the commonest."""

PRONOUNS = {
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
}


class Kind(NamedTuple):
    """What a character is. Wild ones live only in wild places."""

    he: str
    she: str
    adjectives: tuple[str, ...]
    hands: str
    homes: tuple[str, ...]
    wild: bool


_MILD = ("young", "cheerful", "kind", "friendly", "curious", "gentle")
_SMALL = ("little", "small", *_MILD)
_BIG = ("big", "tall", *_MILD)
_HOUSES = (
    "a small house with a crooked chimney",
    "a white cottage",
    "a narrow brick house",
    "a cottage with a straw roof",
    "a little house with round windows",
)
_BURROWS = ("a warm burrow", "a snug burrow under the roots", "a tidy hole with a round door")
_DENS = ("a dry den", "a cosy den", "a den lined with leaves")
_CAVES = ("a deep cave", "a cave with a fine view", "a quiet cave")
_NESTS = ("a hollow tree", "a house among the branches", "an old oak with a tiny door")
_BANKS = ("a house of sticks", "a snug house of mud and reeds")
_BASKETS = ("a cottage with a green gate", "a dusty attic", "a warm loft above a stable")

KINDS: tuple[Kind, ...] = (
    Kind("boy", "girl", _SMALL, "hands", _HOUSES, False),
    Kind("shepherd boy", "shepherd girl", _SMALL, "hands", _HOUSES, False),
    Kind(
        "prince", "princess", _SMALL, "hands", ("a stone castle", "a tower of white stone"), False
    ),
    Kind("giant", "giant", _BIG, "hands", ("a house as high as a hill", "an enormous hut"), False),
    Kind("dwarf", "dwarf", _SMALL, "hands", ("a stone hut", "a low house of stone"), False),
    Kind("elf", "elf", _SMALL, "hands", ("a house in a tree", "a hut of bark"), True),
    Kind("wizard", "witch", _MILD, "hands", ("a crooked tower", "a hut full of jars"), False),
    Kind("troll", "troll", _BIG, "hands", ("a hut of stones", "a cave with a blue door"), True),
    Kind("knight", "knight", _MILD, "hands", ("a stone tower", "an old castle"), False),
    Kind("sailor", "sailor", _MILD, "hands", ("a wooden hut", "a house made from a boat"), False),
    Kind("robot", "robot", _SMALL, "hands", ("a tin shed", "an old workshop"), False),
    Kind("dragon", "dragon", _BIG, "claws", _CAVES, True),
    Kind("bear", "bear", _BIG, "paws", _CAVES, True),
    Kind("wolf", "wolf", _BIG, "paws", _DENS, True),
    Kind("fox", "fox", _SMALL, "paws", _DENS, True),
    Kind("badger", "badger", _SMALL, "paws", _BURROWS, True),
    Kind("rabbit", "rabbit", _SMALL, "paws", _BURROWS, True),
    Kind("hare", "hare", _SMALL, "paws", ("a nest of soft grass", "a hut of twigs"), True),
    Kind("mole", "mole", _SMALL, "paws", _BURROWS, True),
    Kind("hedgehog", "hedgehog", _SMALL, "paws", ("a heap of dry leaves", *_BURROWS), True),
    Kind("squirrel", "squirrel", _SMALL, "paws", _NESTS, True),
    Kind("raccoon", "raccoon", _SMALL, "paws", _NESTS, True),
    Kind("otter", "otter", _SMALL, "paws", _BANKS, True),
    Kind("beaver", "beaver", _SMALL, "paws", _BANKS, True),
    Kind("frog", "frog", _SMALL, "hands", ("a hut of reeds", *_BANKS), True),
    Kind("mouse", "mouse", ("tiny", *_SMALL), "paws", (*_BASKETS, *_BURROWS), False),
    Kind("cat", "cat", _SMALL, "paws", _BASKETS, False),
    Kind("dog", "dog", _MILD, "paws", _BASKETS, False),
    Kind("puppy", "puppy", _SMALL, "paws", _BASKETS, False),
    Kind("kitten", "kitten", _SMALL, "paws", _BASKETS, False),
    Kind("panda", "panda", _BIG, "paws", ("a hut of bamboo", *_CAVES), True),
    Kind("lion", "lion", _BIG, "paws", _CAVES, True),
    Kind("tiger", "tiger", _BIG, "paws", _DENS, True),
    Kind("monkey", "monkey", _SMALL, "hands", _NESTS, True),
)


class Thing(NamedTuple):
    """What one may wish for: always single, always "it", and good for `use` (an infinitive)."""

    noun: str
    adjectives: tuple[str, ...]
    use: str


_COLOURS = ("red", "blue", "green", "yellow", "purple", "white", "brown", "orange")
_CLOTH = (*_COLOURS, "pink", "grey", "striped", "spotted", "woollen", "soft")
_HARD = (*_COLOURS, "black", "golden", "silver", "copper", "shiny", "painted")
_TOY = (*_COLOURS, "black", "pink", "striped", "painted", "spotted")
_GLASS = (*_COLOURS, "golden", "silver", "shiny")
_BOUND = (*_COLOURS, "black", "pink", "leather")

THINGS: tuple[Thing, ...] = (
    Thing("kite", _TOY, "fly it up to the clouds"),
    Thing("ball", _TOY, "throw it high into the air"),
    Thing("drum", _TOY, "beat it all day long"),
    Thing("wagon", _TOY, "pull it along the road"),
    Thing("sled", _TOY, "ride it down the slope"),
    Thing("puppet", _TOY, "make it dance"),
    Thing("doll", _TOY, "sing it to sleep"),
    Thing("hoop", _TOY, "roll it down the lane"),
    Thing("toy boat", _TOY, "sail it on a puddle"),
    Thing("spinning top", _TOY, "watch it whirl"),
    Thing("bell", _HARD, "ring it every morning"),
    Thing("key", _HARD, "wear it on a string"),
    Thing("whistle", _HARD, "blow it as loud as could be"),
    Thing("lantern", _HARD, "carry it on dark nights"),
    Thing("lamp", _HARD, "read by its light"),
    Thing("box", _HARD, "keep secrets in it"),
    Thing("trumpet", _HARD, "play it in a parade"),
    Thing("flute", _HARD, "play it under the stars"),
    Thing("fiddle", _HARD, "play it at dances"),
    Thing("harp", _HARD, "play it by the fire"),
    Thing("horn", _HARD, "blow it at dawn"),
    Thing("bucket", _HARD, "carry water in it"),
    Thing("spade", _HARD, "dig deep holes with it"),
    Thing("mirror", _HARD, "pull funny faces in it"),
    Thing("clock", _HARD, "hear it tick at night"),
    Thing("crown", _HARD, "wear it at parties"),
    Thing("compass", _HARD, "find the north with it"),
    Thing("medal", _HARD, "wear it with pride"),
    Thing("button", _HARD, "sew it on a jacket"),
    Thing("spoon", _HARD, "stir honey with it"),
    Thing("kettle", _HARD, "make tea in it"),
    Thing("cup", _HARD, "drink cocoa from it"),
    Thing("bowl", _HARD, "eat porridge from it"),
    Thing("jug", _HARD, "fill it with milk"),
    Thing("comb", _HARD, "look neat and tidy with it"),
    Thing("telescope", _HARD, "look at the moon through it"),
    Thing("ring", _GLASS, "wear it on feast days"),
    Thing("marble", _GLASS, "roll it across the floor"),
    Thing("bead", _GLASS, "wear it on a thread"),
    Thing("bottle", _GLASS, "send a letter in it"),
    Thing("scarf", _CLOTH, "wear it on cold mornings"),
    Thing("hat", _CLOTH, "wear it in the sun"),
    Thing("cap", _CLOTH, "wear it on windy days"),
    Thing("coat", _CLOTH, "wear it in the snow"),
    Thing("cloak", _CLOTH, "wrap up in it on winter nights"),
    Thing("blanket", _CLOTH, "sleep under it"),
    Thing("ribbon", _CLOTH, "tie it in a bow"),
    Thing("apron", _CLOTH, "wear it while baking"),
    Thing("pillow", _CLOTH, "dream sweet dreams on it"),
    Thing("flag", _CLOTH, "wave it in the wind"),
    Thing("bag", _CLOTH, "carry apples in it"),
    Thing("umbrella", _CLOTH, "open it in the rain"),
    Thing("tent", _CLOTH, "camp in it all summer"),
    Thing("book", _BOUND, "read it by the fire"),
    Thing("notebook", _BOUND, "write poems in it"),
    Thing("album", _BOUND, "stick stamps in it"),
)

FOODS: tuple[tuple[str, str], ...] = (
    ("plum cake", "cake"),
    ("ginger cake", "cake"),
    ("carrot cake", "cake"),
    ("cherry pie", "pie"),
    ("pumpkin pie", "pie"),
    ("apple tart", "tart"),
    ("lemon tart", "tart"),
    ("honey bun", "bun"),
    ("cinnamon bun", "bun"),
    ("rice pudding", "pudding"),
    ("berry pudding", "pudding"),
    ("nut loaf", "loaf"),
    ("raisin loaf", "loaf"),
    ("cheese sandwich", "sandwich"),
    ("egg sandwich", "sandwich"),
    ("butter waffle", "waffle"),
    ("peach pancake", "pancake"),
)
"""A dish in full, and the word that later stands for it."""

HOBBIES = _phrases("""
hum little tunes|count the clouds|watch the birds|tell funny jokes|collect smooth pebbles|
draw pictures|bake biscuits|listen to old stories|whistle in the morning|
look for lucky clovers|make up riddles|build towers of stones|pick berries|dance on tiptoe|
press flowers in books|carve small boats
""")

TRADES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("baker", ("carried the flour", "kneaded the dough", "wiped the tables", "swept the shop")),
    ("miller", ("filled the sacks", "swept the floor", "oiled the wheel", "chased the mice")),
    ("farmer", ("fed the hens", "milked the goat", "raked the hay", "mended the fence")),
    ("gardener", ("pulled the weeds", "watered the beans", "raked the leaves", "dug the beds")),
    ("tailor", ("sorted the buttons", "wound the thread", "folded the cloth", "swept the rags")),
    ("blacksmith", ("fetched the coal", "sorted the nails", "held the horses", "swept the ash")),
    (
        "carpenter",
        ("stacked the boards", "swept the shavings", "sorted the nails", "mixed the glue"),
    ),
    ("potter", ("mixed the clay", "dusted the shelves", "washed the pots", "fetched the wood")),
    ("weaver", ("washed the wool", "wound the yarn", "sorted the colours", "swept the floor")),
    ("shoemaker", ("polished the boots", "cut the laces", "sorted the nails", "swept the shop")),
    ("beekeeper", ("washed the jars", "filled the jars", "painted the hives", "cut the flowers")),
    ("innkeeper", ("washed the plates", "made the beds", "lit the fires", "peeled the potatoes")),
    (
        "painter",
        ("cleaned the brushes", "ground the colours", "washed the rags", "held the ladder"),
    ),
    (
        "clockmaker",
        ("dusted the clocks", "sorted the springs", "wound the clocks", "oiled the gears"),
    ),
)
"""Who may have work to give, and what there is to do."""

ROUTE = _phrases("""
past the well|over the bridge|round the pond|through the gate|along the hedge|up the steps|
down the lane|across the field|under the arch|between the two rocks|through the tunnel|
over the stile|past the signpost|round the haystack|up the ladder|down the slope|
along the stream|across the yard
""")

MAGIC_WORDS = _words("""
abra alo bim bellora corin dabu domi elu fara fenn gala gorin hoka ilo jumba kalu kiro lam lorin
mira momo nalu nim ola opi pirra polu rabo rumi sala simsa talu timbo ulla vim vola wim yoko
zabu zim
""")
"""Words that open doors; they mean nothing, so that they must be remembered."""
