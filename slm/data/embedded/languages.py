"""The same short story in many languages: what a tokenizer makes of each can be compared.

Written for this program, sentence by sentence alike, so that all say the same. Not a
corpus to learn from: a ruler. A tokenizer that needs twice the tokens for one of them
charges its readers twice.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ParallelText:
    """One language's telling of the story.

    `spaced`: words stand between blanks, so that they can be counted; Chinese, Japanese and
    Thai are written without.
    """

    code: str
    language: str
    script: str
    text: str
    spaced: bool = True

    @property
    def words(self) -> int | None:
        """Pieces between blanks; None for a script that is written without them."""
        return len(self.text.split()) if self.spaced else None


ENGLISH = ParallelText(
    "en",
    "English",
    "Latin",
    "Every morning the old woman opens her window and looks at the sea. The fishermen come home "
    "with the sun, and the children run to the beach to meet them. Today the boats are late. The "
    "wind is strong and the water is grey. The woman makes tea and waits. At noon a small red boat "
    "comes around the rock. The children shout, the men laugh, and there is fresh fish for "
    "everyone.",
)

PARALLEL: tuple[ParallelText, ...] = (
    ENGLISH,
    ParallelText(
        "de",
        "German",
        "Latin",
        "Jeden Morgen öffnet die alte Frau ihr Fenster und schaut auf das Meer. Die Fischer "
        "kommen mit der Sonne nach Hause, und die Kinder laufen zum Strand, um sie zu "
        "begrüßen. Heute verspäten sich die Boote. Der Wind ist stark, und das Wasser ist "
        "grau. Die Frau kocht Tee und wartet. Am Mittag kommt ein kleines rotes Boot um den "
        "Felsen. Die Kinder rufen, die Männer lachen, und es gibt frischen Fisch für alle.",
    ),
    ParallelText(
        "fr",
        "French",
        "Latin",
        "Chaque matin, la vieille femme ouvre sa fenêtre et regarde la mer. Les pêcheurs "
        "rentrent avec le soleil, et les enfants courent à la plage pour les accueillir. "
        "Aujourd'hui, les bateaux sont en retard. Le vent est fort et l'eau est grise. La "
        "femme prépare du thé et attend. À midi, un petit bateau rouge contourne le rocher. "
        "Les enfants crient, les hommes rient, et il y a du poisson frais pour tout le monde.",
    ),
    ParallelText(
        "es",
        "Spanish",
        "Latin",
        "Cada mañana la anciana abre su ventana y mira el mar. Los pescadores vuelven a casa "
        "con el sol, y los niños corren a la playa para recibirlos. Hoy los barcos llegan "
        "tarde. El viento es fuerte y el agua está gris. La mujer prepara té y espera. Al "
        "mediodía un pequeño barco rojo rodea la roca. Los niños gritan, los hombres ríen, y "
        "hay pescado fresco para todos.",
    ),
    ParallelText(
        "pt",
        "Portuguese",
        "Latin",
        "Todas as manhãs a velha senhora abre a janela e olha para o mar. Os pescadores voltam "
        "para casa com o sol, e as crianças correm até a praia para recebê-los. Hoje os barcos "
        "estão atrasados. O vento está forte e a água está cinzenta. A mulher faz chá e "
        "espera. Ao meio-dia um pequeno barco vermelho contorna a rocha. As crianças gritam, "
        "os homens riem, e há peixe fresco para todos.",
    ),
    ParallelText(
        "it",
        "Italian",
        "Latin",
        "Ogni mattina la vecchia signora apre la finestra e guarda il mare. I pescatori "
        "tornano a casa con il sole, e i bambini corrono alla spiaggia per accoglierli. Oggi "
        "le barche sono in ritardo. Il vento è forte e l'acqua è grigia. La donna prepara il "
        "tè e aspetta. A mezzogiorno una piccola barca rossa gira intorno allo scoglio. I "
        "bambini gridano, gli uomini ridono, e c'è pesce fresco per tutti.",
    ),
    ParallelText(
        "pl",
        "Polish",
        "Latin",
        "Każdego ranka stara kobieta otwiera okno i patrzy na morze. Rybacy wracają do domu "
        "razem ze słońcem, a dzieci biegną na plażę, żeby ich powitać. Dzisiaj łodzie się "
        "spóźniają. Wiatr jest silny, a woda jest szara. Kobieta parzy herbatę i czeka. W "
        "południe mała czerwona łódź opływa skałę. Dzieci krzyczą, mężczyźni się śmieją i jest "
        "świeża ryba dla wszystkich.",
    ),
    ParallelText(
        "tr",
        "Turkish",
        "Latin",
        "Her sabah yaşlı kadın penceresini açar ve denize bakar. Balıkçılar güneşle birlikte "
        "eve döner, çocuklar da onları karşılamak için sahile koşar. Bugün tekneler geç kaldı. "
        "Rüzgâr güçlü, su ise gri. Kadın çay yapar ve bekler. Öğlen küçük kırmızı bir tekne "
        "kayanın etrafından döner. Çocuklar bağırır, adamlar güler ve herkes için taze balık "
        "vardır.",
    ),
    ParallelText(
        "vi",
        "Vietnamese",
        "Latin",
        "Mỗi buổi sáng, bà cụ mở cửa sổ và nhìn ra biển. Những người đánh cá trở về nhà cùng "
        "với mặt trời, và bọn trẻ chạy ra bãi biển để đón họ. Hôm nay các con thuyền về muộn. "
        "Gió mạnh và nước màu xám. Bà pha trà và chờ đợi. Buổi trưa, một chiếc thuyền nhỏ màu "
        "đỏ vòng qua tảng đá. Bọn trẻ reo hò, những người đàn ông cười, và có cá tươi cho tất "
        "cả mọi người.",
    ),
    ParallelText(
        "sw",
        "Swahili",
        "Latin",
        "Kila asubuhi bibi mzee hufungua dirisha lake na kutazama bahari. Wavuvi hurudi "
        "nyumbani pamoja na jua, na watoto hukimbia ufukweni kuwapokea. Leo mashua "
        "zimechelewa. Upepo ni mkali na maji ni ya kijivu. Bibi anapika chai na kusubiri. Saa "
        "sita mchana mashua ndogo nyekundu inazunguka mwamba. Watoto wanapiga kelele, wanaume "
        "wanacheka, na kuna samaki wabichi kwa kila mtu.",
    ),
    ParallelText(
        "ru",
        "Russian",
        "Cyrillic",
        "Каждое утро старая женщина открывает окно и смотрит на море. Рыбаки возвращаются "
        "домой вместе с солнцем, и дети бегут на берег, чтобы их встретить. Сегодня лодки "
        "опаздывают. Ветер сильный, а вода серая. Женщина заваривает чай и ждёт. В полдень "
        "из-за скалы выходит маленькая красная лодка. Дети кричат, мужчины смеются, и свежей "
        "рыбы хватает на всех.",
    ),
    ParallelText(
        "el",
        "Greek",
        "Greek",
        "Κάθε πρωί η ηλικιωμένη γυναίκα ανοίγει το παράθυρό της και κοιτάζει τη θάλασσα. Οι "
        "ψαράδες γυρίζουν στο σπίτι μαζί με τον ήλιο, και τα παιδιά τρέχουν στην παραλία για "
        "να τους υποδεχτούν. Σήμερα οι βάρκες αργούν. Ο άνεμος είναι δυνατός και το νερό είναι "
        "γκρίζο. Η γυναίκα φτιάχνει τσάι και περιμένει. Το μεσημέρι μια μικρή κόκκινη βάρκα "
        "έρχεται γύρω από τον βράχο. Τα παιδιά φωνάζουν, οι άντρες γελούν, και υπάρχει φρέσκο "
        "ψάρι για όλους.",
    ),
    ParallelText(
        "ar",
        "Arabic",
        "Arabic",
        "كل صباح تفتح المرأة العجوز نافذتها وتنظر إلى البحر. يعود الصيادون إلى بيوتهم مع "
        "الشمس، ويركض الأطفال إلى الشاطئ لاستقبالهم. اليوم تأخرت القوارب. الريح قوية والماء "
        "رمادي. تعد المرأة الشاي وتنتظر. عند الظهر يأتي قارب أحمر صغير من وراء الصخرة. يصيح "
        "الأطفال ويضحك الرجال، وهناك سمك طازج للجميع.",
    ),
    ParallelText(
        "he",
        "Hebrew",
        "Hebrew",
        "בכל בוקר האישה הזקנה פותחת את החלון שלה ומביטה אל הים. הדייגים חוזרים הביתה עם השמש, "
        "והילדים רצים אל החוף כדי לקבל את פניהם. היום הסירות מאחרות. הרוח חזקה והמים אפורים. "
        "האישה מכינה תה ומחכה. בצהריים סירה אדומה קטנה מופיעה מעבר לסלע. הילדים צועקים, הגברים "
        "צוחקים, ויש דג טרי לכולם.",
    ),
    ParallelText(
        "hi",
        "Hindi",
        "Devanagari",
        "हर सुबह बूढ़ी औरत अपनी खिड़की खोलती है और समुद्र को देखती है। मछुआरे सूरज के साथ घर "
        "लौटते हैं, और बच्चे उनसे मिलने के लिए किनारे की ओर दौड़ते हैं। आज नावें देर से आ रही "
        "हैं। हवा तेज़ है और पानी धूसर है। औरत चाय बनाती है और इंतज़ार करती है। दोपहर को एक "
        "छोटी लाल नाव चट्टान के पीछे से आती है। बच्चे चिल्लाते हैं, आदमी हँसते हैं, और सबके "
        "लिए ताज़ी मछली होती है।",
    ),
    ParallelText(
        "bn",
        "Bengali",
        "Bengali",
        "প্রতিদিন সকালে বৃদ্ধা মহিলা তাঁর জানালা খোলেন এবং সমুদ্রের দিকে তাকান। জেলেরা সূর্যের "
        "সঙ্গে বাড়ি ফেরে, আর শিশুরা তাদের সঙ্গে দেখা করতে সৈকতে দৌড়ে যায়। আজ নৌকাগুলো দেরি "
        "করছে। বাতাস জোরালো এবং জল ধূসর। মহিলা চা বানান আর অপেক্ষা করেন। দুপুরে একটি ছোট লাল "
        "নৌকা পাথরের পাশ দিয়ে ঘুরে আসে। শিশুরা চিৎকার করে, পুরুষেরা হাসে, আর সবার জন্য তাজা "
        "মাছ থাকে।",
    ),
    ParallelText(
        "ko",
        "Korean",
        "Hangul",
        "매일 아침 할머니는 창문을 열고 바다를 바라봅니다. 어부들은 해와 함께 집으로 돌아오고, "
        "아이들은 그들을 맞이하러 바닷가로 달려갑니다. 오늘은 배들이 늦습니다. 바람은 세고 "
        "물은 잿빛입니다. 할머니는 차를 끓이고 기다립니다. 정오에 작은 빨간 배 한 척이 바위를 "
        "돌아 나옵니다. 아이들은 소리치고, 남자들은 웃고, 모두가 먹을 신선한 생선이 있습니다.",
    ),
    ParallelText(
        "zh",
        "Chinese",
        "Han",
        "每天早晨，老妇人打开窗户，望着大海。渔夫们随着太阳回家，孩子们跑到海滩去迎接他们。今天"
        "船回来得晚。风很大，海水是灰色的。老妇人泡好茶，等待着。中午，一条红色的小船绕过岩石驶"
        "来。孩子们欢呼，男人们大笑，每个人都有新鲜的鱼吃。",
        spaced=False,
    ),
    ParallelText(
        "ja",
        "Japanese",
        "Kana and Han",
        "毎朝、おばあさんは窓を開けて海を眺めます。漁師たちは太陽とともに家に帰り、子どもたちは"
        "彼らを迎えに浜辺へ走ります。今日は船が遅れています。風が強く、水は灰色です。おばあさん"
        "はお茶をいれて待ちます。正午に、小さな赤い船が岩を回って現れます。子どもたちは叫び、男"
        "たちは笑い、みんなに新鮮な魚があります。",
        spaced=False,
    ),
    ParallelText(
        "th",
        "Thai",
        "Thai",
        "ทุกเช้าหญิงชราเปิดหน้าต่างและมองออกไปที่ทะเล ชาวประมงกลับบ้านพร้อมกับดวงอาทิตย์ "
        "และเด็ก ๆ วิ่งไปที่ชายหาดเพื่อต้อนรับพวกเขา วันนี้เรือมาช้า ลมแรงและน้ำเป็นสีเทา "
        "หญิงชราชงชาแล้วรอ ตอนเที่ยงเรือสีแดงลำเล็กแล่นอ้อมโขดหินมา เด็ก ๆ ตะโกน "
        "พวกผู้ชายหัวเราะ และมีปลาสดสำหรับทุกคน",
        spaced=False,
    ),
)
"""By script, English first."""


@dataclass(frozen=True)
class DomainText:
    """A short text of one kind."""

    key: str
    title: str
    text: str


DOMAINS: tuple[DomainText, ...] = (
    DomainText(
        "story",
        "Story",
        "The fox stopped at the edge of the wood. Far below, the lights of the village went "
        'out one by one. "If I wait any longer," she thought, "the baker will have locked his '
        'door." So she ran, over the wet field and under the fence, until she smelled warm '
        "bread.",
    ),
    DomainText(
        "news",
        "News",
        "The city council approved the new bridge on Tuesday after a debate of six hours. "
        "Construction is expected to begin in March 2027 and to cost 48.5 million euros, "
        "according to a spokeswoman for the ministry of transport. Opponents announced that "
        "they would appeal.",
    ),
    DomainText(
        "dialogue",
        "Dialogue",
        "Anna: Did you call the doctor?\nBen: I did, but nobody answered.\nAnna: It's Sunday, "
        "isn't it?\nBen: Oh. Right. I'll try again tomorrow, first thing.\nAnna: Don't forget "
        "to ask about Wednesday's appointment.\nBen: I won't. Thanks, you're the best.",
    ),
    DomainText(
        "python",
        "Python",
        "def moving_average(values, width=7):\n    if width < 1:\n        raise "
        'ValueError(f"width is {width}; give 1 or more")\n    total = sum(values[:width])\n    '
        "averages = [total / width]\n    for new, old in zip(values[width:], values):\n        "
        "total += new - old\n        averages.append(total / width)\n    return averages\n",
    ),
    DomainText(
        "markup",
        "JSON and HTML",
        '{"id": 1742, "name": "kettle", "price": 39.90, "tags": ["kitchen", "steel"], "stock": '
        '{"berlin": 4, "turin": 0}, "discontinued": false}\n<ul class="items">\n  <li><a '
        'href="/items/1742">kettle</a> <span class="price">39.90</span></li>\n</ul>\n',
    ),
    DomainText(
        "numbers",
        "Numbers",
        "3.14159 × 2² = 12.56636; 1,024 − 768 = 256; 2^10 = 1024; 17 / 4 = 4.25; 99.9% of "
        "20,000 is 19,980. f(x) = 3x² − 2x + 7, so f(5) = 72 and f′(5) = 28. 2026-11-22 "
        "14:05:09; +49 30 1234567; 0xFF = 255; 6.022e23; √2 ≈ 1.41421356.",
    ),
    DomainText(
        "chat",
        "Chat and emoji",
        "omg did u see that 😂😂😂 brb, 2 min ⏰\nlol ok no worries 👍🏽 see ya @ 8?? 🍕🎉\n"
        "sooo tired rn 😴 but yesss let's gooo 🚀🔥 #weekend\nthx!! ily ❤️ xoxo :-) ^_^ "
        "¯\\_(ツ)_/¯ 👨\u200d👩\u200d👧",
    ),
)
"""Short texts of many kinds in English."""
