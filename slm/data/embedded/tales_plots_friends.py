"""Plots about two friends: help, a shared meal, a surprise, a quarrel, a newcomer, the truth.

Written in the notation of tales_grammar; the fields are those that tales.py casts.
"""

from slm.data.embedded.tales_shared import plot

HELP = plot(
    "help",
    "open",
    """
<opening>

<day> the {trade} called, "The first to meet me {spot} shall have {a_thing}!"
<day> there was a race. The {trade} stood {spot} with {a_thing} for the first to arrive.

¶

{Hero} ran [like the wind|very fast]. But on the way {he} saw {friend} the {fkind}, {trouble}.
{Hero} was [far ahead|first] when {he} saw {friend}, {a_fkind}, {trouble}.

"Please help me, {?hero}!" {Hero} thought of the {?noun}. Then {he} [stopped|turned round].
Should {hero} run on? No, {he} could not leave {=friend} alone.
"Please help me, {?hero}!"

{Rescue}.
{Rescue}. It took [a long time|all morning].

When they came, [late and tired|at last], the {trade} was still there. "A kind heart is better
  than quick feet, {?hero}. The {?thing} is yours."
They were the last to arrive {?spot}. "Nobody else stopped," said the {trade}. "{?Hero}, here is
  the {?thing}."

-
<glad>.
<bond>
<thanked>
""",
    cases="""
trouble: stuck in [a deep ditch|a muddy hole]
rescue: {Hero} let down a long branch and pulled {friend} out

trouble: whose cart had sunk into the mud
rescue: {Hero} pushed a board under the wheel, and together they shoved

trouble: caught in [a hunter's|a fishing] net
rescue: {Hero} untied the knots, one by one

trouble: with one foot under a fallen log
rescue: {Hero} rolled the heavy log aside

trouble: tangled in a bramble bush
rescue: {Hero} bent the thorns away, twig by twig

trouble: with a basket of spilled [apples|potatoes|nuts|onions]
rescue: {Hero} picked up all that had rolled away

trouble: who had taken the wrong path and was lost
rescue: {Hero} took {friend} by the {fhand} and led the way

trouble: with a sprained ankle
rescue: {Hero} made a crutch from a forked stick

trouble: drifting on a pond in a leaky tub
rescue: {Hero} threw a rope and hauled the tub ashore
""",
)

SHARE = plot(
    "share",
    "open",
    """
<opening>

<day> {he} [baked|was given|bought] {a_food}.[ It was still warm.|]
Nothing tasted better to {him} than {a_food}, and <oneday> {he} got one.

"I shall eat this {food} [all by myself|alone]," said {hero}, and sat down {spot}.
{Hero} took the {food} to a [secret|quiet] place {spot}.

¶

Just then {friend} the {fkind} came along. "{?Hero}, I have not eaten [since yesterday|all day],"
  said {=friend}.
But who came along, [thin and tired|wet and hungry]? It was {a_fkind} named {friend}.

{Hero} hid the {?dish}. But {friend}'s {fhands} [shook|trembled].
{Hero} took a bite, but somehow it [had no taste|stuck in {his} throat].
{Hero} looked at the {?dish}. {Hero} looked at {=friend}.

Then {hero} [cut|broke] the {?dish} in two. "[Half of it is|This half is] for you, {?friend}."
"Sit down, {?friend}," {hero} said. "There is enough for two."

They ate it all. "Half a {?dish} tastes better than a whole one," said {?hero}.
{Friend} had {extra}, and they ate {?spot} until [the stars came out|the last crumb was gone].
[The next day|A week later] {friend} came back with {extra} for {=hero}.

-
<bond>
<thanked>
""",
    cases="""
extra: [a jug of [cider|milk|lemonade]|a jar of [plum jam|honey|cherries]|a bag of
  [hazelnuts|walnuts|dried figs]|a [flask of mint tea|pot of cocoa]|two [ripe pears|juicy
  peaches|red apples]]
""",
)

SURPRISE = plot(
    "surprise",
    "open",
    """
<opening>

<wished>. {Friend} the {fkind} knew that.
<wished>. Only {friend}, {a_fkind}, knew of this wish.

<day> {friend} [would not play|ran off]. "I have no time, {?hero}," said {=friend}, and hurried by
  with {pair}.
<day> {hero} saw {friend} with {pair}. "What is that for, {?friend}?" "Oh, nothing."

"{Friend} does not like me any more," thought {=hero}.
-
Had everyone forgotten {hero}'s birthday?
<sad>.

¶

[In the evening|At sunset|When the moon rose] {friend} came back. "[Come with me|Follow me|Shut
  your eyes], {?hero}!"

[Everyone was|All their friends were] waiting {spot}, with {item1} and {?item2} as presents.
"Happy birthday!" There, {spot}, lay the presents: {item1} and {?item2}.

{Friend} held out {?a_thing}. "That one is from me, {?hero}."
And in the middle was {?a_thing}. "I had to keep it secret, {?hero}."

So that was why {=friend} had been so [strange|busy]!
{Hero} hugged the {?noun}, and then {he} hugged {=friend}.
<thanks>
-
""",
)

QUARREL = plot(
    "quarrel",
    "hidden",
    """
<opening> <friend>

<day> they both saw {a_thing} {spot}.
<day> the two friends found {a_thing} {spot}.

"It is mine!" [shouted|cried] {hero}. "No, mine!" [shouted|cried] {=friend}.
"I want to {use}!" said {hero}. "So do I," said {=friend}, "and I saw it first!"

They pulled and tugged until the {thing} [fell into a puddle|flew into the mud].
They [quarrelled|argued] until {hero} ran off with the {?thing}.

¶

[All alone|That evening], {hero} [kicked stones|sat on the step]. What good was the {noun} without
  {=friend}?
{Hero} thought of {=friend}, and how they used to {hobby}.

So {he} [knocked at|ran to] {=friend}'s door. "I am sorry, {?friend}." "I am sorry too, {=hero}."
Just then {=friend} came [up the path|round the corner]. "I was silly, {?hero}." "So was I,
  {=friend}."

Since then, on [Mondays|even days] the {noun} belongs to {hero}, on [Tuesdays|odd days] to
  {=friend}.
"First you, {?friend}, then me," said {hero}.
"It belongs to both of us," said {hero} and {=friend}.

-
{A_thing} is fine, but a friend is finer.
And they never quarrelled about it again.
So what they found {?spot} makes two friends happy.
""",
)

NEWCOMER = plot(
    "newcomer",
    "open",
    """
<opening>

<day> {a_fkind} named {friend} moved in. {Friend} sat alone {spot}, [day after day|all day long].
<day> {hero} saw {a_fkind} all alone {spot}. It was {friend}, who was new there.

"{Friend} is [proud|strange|rude]," said [the geese|the neighbours|the others]. But {hero} [was
  not so sure|did not think so].
{Hero} wanted to be friends.
-

¶

First {hero} brought [some soup|a flower|a bag of plums]. "No, thank you," said {=friend}.
"Shall we [race|play], {?friend}?" asked {=hero}. {Friend} only [shook {fhis} head|looked at the
  ground].
-

Then {hero} heard [a sniff|a sob|a sigh]. "I miss my {thing}," said {=friend}.
"What did you like best at home, {?friend}?" "My {thing}," [sighed|whispered] {=friend}. "I used
  to {use}."

{Hero} [ran home|searched the whole house]. Yes, there was {?a_thing}! {He}
  [washed|polished|dusted] it and brought it along.
So {hero} {tasks} for the {trade}. And what did {he} get for it? {?A_thing}!

"For me?" asked {=friend}, and smiled for the first time.
{Friend} [stroked|held] the {?noun}. "Nobody has ever been so kind to me, {?hero}."

Now there are always two of them {?spot}: {hero} and {=friend}.
{Friend} had only been shy.
<bond>
-
""",
)

TRUTH = plot(
    "truth",
    "hidden",
    """
<opening> <friend>

{Friend} owned {a_thing}. <day> {hero} asked, "May I borrow it, {?friend}?"
<day> {hero} asked, "{Friend}, may I borrow your {thing}?"

But {hero} [left it on a bench|put it down to chase a moth|forgot it on the road|put it down to
  pick flowers], and [soon it|then it] was gone.

¶

"I could say that a thief took it," {he} thought. But that would be a [lie|fib].
{Hero} was [afraid|ashamed]. Should {he} tell a [lie|fib]?
{Hero} was [afraid|ashamed].

At last {he} went to {=friend}. "I have lost your {?thing}. It was my fault."
"What is the matter, {?hero}?" asked {friend}. "I lost your {?thing}. I am to blame."

"[I am sad|It was my favourite]," said {?friend}. "But you told the truth, {?hero}."
"I am sad about the {?noun}," said {?friend}. "But it was brave to tell me, {?hero}."

They looked together, and what did they see {spot}? The {?thing}!
The next day they searched. And there, {spot}, lay the {?thing}!

-
-
{A_noun} can be lost and found, but a friend must be kept.
And {friend} knew that {=hero} could be trusted.
""",
)
