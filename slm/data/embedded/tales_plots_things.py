"""Plots about a thing: lost, earned, mended, locked away, buried, fetched.

Written in the notation of tales_grammar; the fields are those that tales.py casts.
"""

from slm.data.embedded.tales_shared import plot

LOST = plot(
    "lost",
    "hidden",
    """
<opening>

<owned>.

But one [evening|day|morning|Monday] it was gone. <sad>.
One [grey|windy|busy] day {hero} came home without it.
Then, one [evening|day|morning|Monday], the {noun} was not there. [Where could it be?|Had somebody
  taken it?]
One day {hero} looked [under the bed|behind the door|in every corner] and could not find it.

¶

"Where did you walk, {?hero}?" asked {friend}, {a_fkind}. "I went {route}."
{Friend} the {fkind} came by. "Tell me where you went, {?hero}." "I went {route}."

So [together|side by side] they went {way1}, {way2} and {?way3}.
Off they ran, {way1}, {?way2} and {way3}.

[And there|There], {spot}, lay the {?thing}[, safe and dry|, a little dusty|]!
{Friend} looked {spot} and [laughed|gave a shout]. "Here is your {?thing}!"
At last, {spot}, they saw something {adjective}. It was the {?thing}!

<thanks>
Never again was the {?noun} left {?spot}.
"Next time, hold on tight, {?hero}," said {friend}.
Now, whenever {friend} loses something, {=hero} helps to look for it.
""",
)

EARN = plot(
    "earn",
    "open",
    """
<opening>

<day> {hero} saw {a_thing} on the {trade}'s table {spot}.[ {He} wanted it so much!|]
{Hero} dreamed of {a_thing}. And <oneday> one lay on the {trade}'s table {spot}!

But {hero} had no money, [not even a penny|not a single coin].
But it cost [five|six|seven|nine] coins, and {hero} had [none|only one].

¶

"May I work for the {noun}?" {he} asked. The {trade} nodded.
"Then work for me, {?hero}," said the {trade}.

So {hero} {tasks}[, until the sun went down|, day after day|].
{Hero} set to work. {He} {tasks}.

"Come and play, {?hero}!" called {friend} the {fkind}. "[Not yet|Later], {?friend}."
"All that for {a_thing}?" asked {friend}, {a_fkind}. "Yes," said {=hero}.
{Friend} the {fkind} [saw how tired {hero} was and stayed to help|came by and helped].

"You {task1}, {task2} and {?task3}," said the {trade}. "The {thing} is yours, {?hero}."
At last the {trade} smiled. "{?Hero}, here is your {thing}."
"{?Hero}," said the {trade}, "take the {thing}. You have earned it."

It was the best {?noun} in the world, for {?hero} had worked for it.
{Hero} carried the {?noun} home [with both {hands}|like a treasure].
Now {?hero} could {use}.
""",
)

MEND = plot(
    "mend",
    "hidden",
    """
<opening>

{Hero} had {a_thing} and took it everywhere.
<owned>.

But <oneday> {crack}.
Then, <oneday>, {crack}. "My poor {?thing}!" cried {hero}.

¶

"Throw the {thing} away," said [a crow|a magpie|the neighbours]. "[No, no|Oh no], {?hero}," said
  {friend} the {fkind}. "We can mend it with {stuff}."
{He} took the {thing} to {friend}, {a_fkind}. "[Do not cry|Never mind|Cheer up], {?hero}. [All we
  need|All it needs] is {stuff}."

They looked [high and low|everywhere] and found {one} {spot}.
And {spot}, [just in time|by good luck|sure enough], they found {?stuff}.

{Repair} [while {friend} held it steady|with great care].
Then {friend} showed {hero} how, and {repair}.

[Soon|By evening|Before long] {?hero} could {use} again.
Now the {noun} had a [scar|mark], and {?hero} loved it [all the more|twice as much].
<thanks> "[It is|The {noun} is] better than before."
""",
    cases="""
noun: kite
use: fly it
crack: the wind blew the {noun} into a bush, and its paper tore
stuff: a pot of glue
one: one
repair: {hero} glued a patch over the hole

noun: drum
use: play it
crack: {he} beat the {noun} so hard that its skin split
stuff: a piece of leather
one: one
repair: {hero} stretched a new skin over the rim

noun: wagon
use: pull it
crack: the {noun} hit a stone, and a wheel came off
stuff: a long nail
one: one
repair: {hero} hammered the wheel back in its place

noun: toy boat
use: sail it
crack: the {noun} struck a rock, and its mast broke
stuff: a straight stick
one: one
repair: {hero} carved a new mast

noun: umbrella
use: open it
crack: a storm turned the {noun} inside out
stuff: a bit of wire
one: some
repair: {hero} tied the bent ribs one by one

noun: scarf
use: wear it
crack: the {noun} caught on a thorn and tore in two
stuff: a needle and thread
one: both
repair: {hero} sewed the halves together

noun: coat
use: wear it
crack: the {noun} ripped on a fence, right down the back
stuff: a needle and thread
one: both
repair: {hero} stitched up the rip

noun: clock
use: hear it tick
crack: the {noun} fell from the shelf and stopped ticking
stuff: a can of oil
one: one
repair: {hero} oiled every little wheel inside

noun: sled
use: ride it
crack: the {noun} crashed into a tree and lost a board
stuff: a strong plank
one: one
repair: {hero} screwed the plank in its place

noun: fiddle
use: play it
crack: a string of the {noun} snapped with a loud twang
stuff: a fiddle string
one: one
repair: {hero} wound the string round its peg

noun: bucket
use: carry water in it
crack: a hole opened in the {noun}, and all the water ran out
stuff: a lump of tar
one: some
repair: {hero} pressed the tar into the hole
""",
)

CHEST = plot(
    "chest",
    "hidden",
    """
<opening>

<wished>.

¶

<day> {he} and {friend} the {fkind} found [a little|an iron|an old] chest {spot}. [Three words
  were carved on it|On the lid stood three words]: {spell}.
<day>, {spot}, {he} came upon [a tiny chest|a dusty chest|a chest without a key]. {Friend},
  {a_fkind}, read the words on the lid: "{Spell}."

{Hero} [pushed|shook it], {friend} [pulled|knocked], but it stayed shut.
It would not open.
-

"[Perhaps|Maybe] we must say the words, {?hero}," said {friend}. "{Word1}, {word2}, {?word3}!"
"It is a spell!" [whispered|said] {friend}. {Hero} took a deep breath. "{Word1}, {?word2},
  {word3}!"

The lid [flew|swung] open. Inside lay {?a_thing}!
Click! It opened, and in it [was|lay] {?a_thing}.

"[It was waiting for you|It must be for you], {?hero}," said {friend}.
"It is [for both of us|yours too], {?friend}," said {hero}.

And to shut the chest they said, "{Word1}, {?word2}, {word3}!"
Nobody can open that chest but {hero} and {=friend}.
Do not forget the words: {word1}, {word2}, {?word3}.
""",
)

NOTE = plot(
    "note",
    "hidden",
    """
<opening> <friend>

<day> they found [a note in an old book|a rolled paper in a bottle|a letter in a crack of the
  wall]. "Go {route}," it said. "Then look {spot}."
<day> the wind blew a [piece of paper|torn letter] to them. "Go {route}," it said. "Then look
  {spot}."

¶

"A treasure!" cried {friend}. "I hope it is {a_thing}," said {=hero}.
"I hope it is {a_thing}, {?friend}," said {hero}.
"{A_thing}, I hope!" said {hero}. "Then we could {use}."

They [walked|ran|went] {way1}, {way2} and {?way3}.
Off they ran, {way1}, {?way2} and {way3}.

They looked {?spot}, and there lay {?a_thing}!
{Friend} searched {?spot} with both {fhands}. Out came {?a_thing}!

Who had written the note? {Hero} and {=friend} never found out.
Then {hero} wrote a new note [for others|for someone else].
What a day it had been for {hero} and {=friend}!
"My wish has come true!" said {=hero}.
""",
)

ERRAND = plot(
    "errand",
    "hidden",
    """
<opening>

<day> {his} [grandmother|mother|uncle|aunt] said, "{Hero}, please bring me {wants}."
<day> the {trade} asked {him}, "Can you fetch me {wants}?"

{Hero} [said|sang] it all the way: "{Want1}, {?want2} and {want3}."
"{Want1}, {want2} and {?want3}," said {hero}[ at every step|, and ran off].

¶

But on the way [the words flew away|{he} forgot every word]. {Friend} the {fkind} came along.
Then {a_fkind} named {friend} jumped out of a bush, and {hero} forgot [it all|every word].

"I heard you, {?hero}," said {friend}. "It was {want1}, {want2} and {?want3}."
"[Do not worry|I am sorry], {?hero}," said {friend}. "It was {want1}, {?want2} and {want3}."

But the {thing} was hard to find, until they looked {spot}.
Soon only the {thing} was missing. {Friend} found one {spot}.

<thanks>
So {hero} came home with everything, and with {=friend}.
<bond>
""",
)
