"""Plots that ask for courage or patience: a storm, a fear, a journey, a seed, a sleepless night.

Written in the notation of tales_grammar; the fields are those that tales.py casts.
"""

from slm.data.embedded.tales_shared import plot

STORM = plot(
    "storm",
    "hidden",
    """
<opening>

<owned>.

One [evening|afternoon|night] {weather}.
One day {weather}. {Hero} ran [indoors|home].

Suddenly {hero} [jumped up|turned pale]. "My {?thing}! I left it {spot}!"
"Oh no," cried {hero}, "my {?thing} is still {spot}!"

¶

"Do not go alone, {?hero}," said {friend}, {a_fkind}, and came along.
"Then we go together, {?hero}," said {friend} the {fkind}, and took a [lamp|rope|long stick].

{Struggle}. Step by step they [fought|pushed] their way. And there it was, {?spot}!
{Struggle}. "[Hold on|Do not let go], {?hero}!" called {friend}. At last they saw the {?noun}.

{Hero} wrapped the {noun} in {his} [coat|jacket|shirt], and they ran home.
{Hero} hugged it tight, and they [got back|ran home].

Soon they sat by the [stove|fire] with [hot soup|warm milk|ginger tea].
{Friend} made [hot soup|warm milk|ginger tea] while the {?noun} dried by the stove.
-
-
Outside it [howled|raged], but inside it was warm.

<thanks>
"A storm is only half as bad with a friend," said {?hero}.
And the {?noun} was never left {?spot} again.
<bond>
""",
    cases="""
weather: [black clouds|a wall of clouds] came up, and thunder [rolled|boomed]
struggle: [Lightning flashed|Thunder cracked] above them

weather: it began to [rain|pour] as if the sky had a hole
struggle: The rain [drummed on their heads|beat in their faces]

weather: [a wild wind|a gale] sprang up and shook the [walls|trees]
struggle: The wind [tore at their clothes|almost carried them off]

weather: it [snowed|was snowing] so hard that the path disappeared
struggle: The snow [reached up to their knees|blew into their eyes]

weather: hail [rattled on the roof|fell as big as cherries]
struggle: The hail bounced off the [big pan|lid] that they held above them

weather: a storm came up and the sky turned as dark as [ink|coal]
struggle: They could [hardly see|not even see] their own feet
""",
)

FEAR = plot(
    "fear",
    "hidden",
    """
<opening>

{Hero} was [clever and quick|no coward], but {he} was afraid of {fear}.
There was just one thing that {he} feared: {fear}.
{He} told nobody, but {hero} was terribly afraid of {fear}.

<day> {he} left {his} {thing} {spot}, and {obstacle}.
<day> {he} needed {his} {thing}. It lay {spot}, and {obstacle}!

¶

{Hero} took one step and [stopped|froze].
"I cannot do it," [whispered|said] {hero}.
{Hero}'s knees [shook|trembled like jelly].
{Hero}'s heart [pounded|thumped].
-
-

"When I am scared, {?hero}," said {friend} the {fkind}, "I think of {pair}."
"Think of two nice things, {?hero}," said {friend}, {a_fkind}. "{Pair}."

So {hero} [took a breath|stood up straight] and went. "{Item1} and {?item2}." {Relief}.
"{Item1} and {?item2}," said {hero}, and took a step. {Relief}.

And there, {?spot}, was the {?thing}!
Soon {hero} [stood|was] where the {?thing} lay.

"You did it, {?hero}!" [cheered|called] {friend}.
Now {?hero} could {use}, and {fear} never seemed so bad again.
<thanks>
"I was still afraid, {?friend}," said {hero}, "but I did it."
""",
    cases="""
fear: the dark
obstacle: [night had fallen|there was no moon that night]
relief: The dark was soft and [quiet|full of stars]

fear: deep water
obstacle: there was a stream to cross, [with only a log over it|on slippery stones]
relief: The water only tickled {his} toes

fear: high places
obstacle: the way there led over a [narrow|swaying] bridge
relief: The bridge swayed, but it [held|did not break]

fear: thunder
obstacle: thunder was [rumbling|growling] in the distance
relief: The thunder [grumbled|growled] and moved away

fear: geese
obstacle: seven [hissing|angry] geese stood in the way
relief: The geese stared, and waddled aside

fear: spiders
obstacle: spiders had spun their webs across the path
relief: The spiders just went on spinning

fear: shadows
obstacle: a long black shadow lay across the way
relief: The shadow was only that of [a scarecrow|a broom|a post]

fear: owls
obstacle: an owl was hooting nearby
relief: The owl blinked and flew off without a sound

fear: ghosts
obstacle: something white was [moving|flapping] there
relief: The ghost was [a sheet on a line|a shirt on a branch]

fear: loud noises
obstacle: somebody was hammering there, bang, bang, bang
relief: It was only the {trade}, who [nodded|waved] and went on hammering
""",
)

JOURNEY = plot(
    "journey",
    "hidden",
    """
Far away from {place} lived {a_kind} named {hero}.
{Hero} was {a_kind} who had never been [far from home|out in the world].
Once upon a time {a_kind} named {hero} lived a long way from {place}.

[A wild goose|A traveller|An old song] told {him} of {a_thing} that lay {at}, {spot}.
In a dream {he} saw {a_thing} that lay {at}, {spot}. "I will find it," said {hero}.

{He} packed {pair}, [locked the door|waved goodbye|put on {his} boots] and set out.
{He} took {pair} along.

¶

{He} met {friend}, {a_fkind}. "Come with me, {?friend}," said {=hero}.
"May I come too?" asked {friend}, {a_fkind}. "Yes, {?friend}."

At night {hero} unpacked. {Item1} and {?item2}: nothing was missing.
By the fire {hero} unpacked. "{Item1} and {?item2}. All is there."

Then they [saw|reached] {?place} and looked {?spot}. There lay the {?thing}!
At last they came to {?place}. "There, {?hero}!" cried {friend}. And {?spot} lay the {?thing}.

"I found two things," said {?hero}. "[{A_noun} and a friend|The {noun}, and you, {=friend}]."
Now {hero} could {use}, and {=friend} too.
With {?friend} the way home seemed [short|much shorter].
""",
)

SEED = plot(
    "seed",
    "home",
    """
<opening>

{Hero} [dreamed of|longed for] {a_thing}. <day> {friend} the {fkind} gave {him} a seed.
<day> {hero} [found|bought] a seed. "[Out of it|From that] grows {a_thing}," said {friend},
  {a_fkind}.

{Hero} planted it {spot} and sang, "Grow, little seed, {charm}!"
{Hero} planted it {spot}. "[Now sing to it|A song will help it], {?hero}. Grow, little seed,
  {charm}!"

¶

The next day there was [nothing|only earth]. "It is [asleep|no good]!" cried {hero}.
A week went by, and nothing [happened|came up]. {Hero} [wanted to dig it up|grew cross|stamped
  {his} foot].

"Good things [take time|grow slowly], {?hero}," said {friend}. So {=hero} sang again, "Grow,
  little seed, {charm}!"
"[Wait|Water it and wait], {?hero}," said {=friend}. So {=hero} sang, "Grow, little seed, {charm}!"

-
-
Rain fell. The sun shone.
Spring turned into summer.
[One dawn|After a warm night] a green shoot stood there.
{Hero} pulled the weeds and chased off the snails.

And one day there it was, {?spot}: {?a_thing}, [bright in the sun|fresh with dew].
Then, one day, {?a_thing} stood {?spot}. "{?Friend}, come and look!" cried {hero}.

"You were right, {?friend}," said {hero}. "It was worth the [wait|trouble]."
{Hero} gave {=friend} the first new seed.
"[We did it|Our song helped], {?friend}!"
-
""",
    cases="""
noun: [pumpkin|sunflower|tulip|rose|melon|poppy|bean|lily]
charm: [high as a [tower|steeple|ladder]|up with the [lark|dew|dawn]|stretch to the [sun|sky|stars]
  |wide as a [wing|gate|smile]|round as a [drum|moon|wheel]]
""",
)

NIGHT = plot(
    "night",
    "hidden",
    """
<opening>

One night {he} could not [sleep|fall asleep].
It was [late|past midnight], but {hero} lay awake.
One night {hero} [counted sheep|counted to a hundred], but sleep did not come.

"Good night, {bare1}. Good night, {bare2}," {he} said. But where was {his} {thing}?
"Good night, {bare1}," said {hero}. "Good night, {bare2}." Then {he} sat up. "My {thing} is not
  here!"

¶

{He} tapped at the window of {friend} the {fkind}. "I cannot sleep without my {?thing},
  {=friend}."
{Friend}, {a_fkind}, heard the bed creak. "Can you not sleep, {?hero}?" "My {?thing} is gone."

"I saw it {spot}," said {=friend}. [Hand in hand|On tiptoe] they went out.
"[Think|Remember], {?hero}. You had it {spot}." Out they went under [a thousand|the] stars.

[A bat fluttered by.|A cricket chirped.] There it lay, {?spot}.
And {?spot}, [cold and damp|all alone|shining in the moonlight], lay the {?thing}.

"Good night, {bare1}," said {=hero}, back in bed. "Good night, {?bare2}. Good night, my {?thing}."
{Hero} was soon in bed. "Good night, {?bare1}. Good night, {bare2}. Good night, dear {?noun}."

"And good night, {?friend}."
"Good night, {?hero}," said {friend}, and blew out the light.
And {?hero} fell asleep.
""",
)
