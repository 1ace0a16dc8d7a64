"""The word lists and effects of the invented company: who its leads are and what each visible trait is worth.

Effects are on the scale of the latent fit (log-hazard). All names are common ones or syllables put together; every
company domain ends in ``.example``, which RFC 2606 keeps free of real addresses.
"""


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _split(
    "María José Ana Luis Carmen Jesús Lucía Andrés Elena Raúl Sofía Iván Marta Óscar Paula Ramón Nuria Hugo Inés "
    "Pablo Emma James Olivia Liam Grace Noah Chloe Ethan Ruby Oscar Alice Henry Nora Peter Clara Simon Julia Frank "
    "Laura Mark Zoë Jürgen Anaïs Søren Agnès Günter Amélie Björn Chiara Matteo Giulia Marco Inga Pieter Saskia Karl "
    "Beatriz João"
)
LAST_NAMES = _split(
    "García López Martínez Núñez Peña Ruiz Sánchez Ibáñez Vidal Ortega Romero Gil Soler Vega Cano Prieto Muñoz Rey "
    "Lara Smith Brown Taylor Wilson Clark Baker Hughes Foster Reed Walsh Murphy Kelly Byrne Stone Hayes Cole Marsh "
    "Price Dunn Müller Weber Schäfer König Lang Dubois Lefèvre Girard Moreau Rossi Bianchi Conti Silva Gonçalves "
    "Costa Jansen Visser"
)
SALUTATIONS = ("Ms.", "Mr.", "Dr.", "Mx.", "")
GENDERS = ("Female", "Male", "Nonbinary", "Not Listed", "")

# The brand of an account is three syllables, so that 64,000 brands times 20 trades never name two accounts alike.
SYLLABLES = _split(
    "ba be bo ca ce co da de do fa fe fi ga go la le li lo lu ma me mi mo na ne ni no pa pe ra re ri ro sa se ta te to "
    "va ve"
)
TRADES = _split(
    "Logística Tecnología Gestión Ingeniería Energía Distribución Soluções Formación Química Sistemas "
    "Systems Foods Analytics Health Retail Finance Works Labs Media Partners"
)
LEGAL_FORMS = ("S.L.", "S.A.", "Ltd", "Inc.", "GmbH", "SAS", "S.r.l.", "Lda.")

# country: weight, effect, cities, states, legal form, share billed in EUR
COUNTRIES = (
    ("United States", 0.34, 0.15, ("Austin", "Denver", "Boston", "Seattle"), ("TX", "CO", "MA", "WA"), 3, 0.0),
    (
        "Spain",
        0.22,
        0.10,
        ("Madrid", "Málaga", "A Coruña", "Bilbao"),
        ("Madrid", "Andalucía", "Galicia", "Euskadi"),
        0,
        0.9,
    ),
    (
        "United Kingdom",
        0.12,
        0.05,
        ("London", "Leeds", "Bristol", "Cardiff"),
        ("England", "", "England", "Wales"),
        2,
        0.0,
    ),
    ("Germany", 0.09, 0.15, ("München", "Köln", "Berlin", "Hamburg"), ("BY", "NW", "BE", "HH"), 4, 0.9),
    ("France", 0.07, -0.05, ("Paris", "Lyon", "Orléans", "Nîmes"), ("", "", "", ""), 5, 0.9),
    ("Mexico", 0.06, -0.20, ("Mérida", "Puebla", "Monterrey", "León"), ("YUC", "PUE", "NLE", "GUA"), 1, 0.0),
    ("Italy", 0.04, -0.15, ("Milano", "Torino", "Forlì", "Bari"), ("MI", "TO", "FC", "BA"), 6, 0.9),
    ("Portugal", 0.03, -0.10, ("Lisboa", "Porto", "Évora", "Braga"), ("", "", "", ""), 7, 0.9),
    ("Colombia", 0.02, -0.30, ("Bogotá", "Medellín", "Cali", "Pereira"), ("", "", "", ""), 1, 0.0),
    ("India", 0.01, -0.40, ("Pune", "Chennai", "Delhi", "Kochi"), ("MH", "TN", "DL", "KL"), 2, 0.0),
)

# employees: low, high, weight, effect, median deal amount
SIZES = (
    (1, 10, 0.28, -0.60, 1_500.0),
    (11, 50, 0.27, -0.10, 4_000.0),
    (51, 200, 0.20, 0.35, 9_000.0),
    (201, 1_000, 0.14, 0.50, 20_000.0),
    (1_001, 5_000, 0.07, 0.20, 45_000.0),
    (5_001, 40_000, 0.04, -0.25, 80_000.0),
)

# industry: weight, effect; the missing marks are what people leave in a pick list
INDUSTRIES = (
    ("Technology", 0.20, 0.45),
    ("Manufacturing", 0.14, 0.30),
    ("Banking", 0.09, 0.20),
    ("Healthcare", 0.11, 0.05),
    ("Retail", 0.13, -0.10),
    ("Education", 0.08, -0.50),
    ("Energy", 0.05, 0.15),
    ("Transportation", 0.08, 0.25),
    ("Hospitality", 0.06, -0.45),
    ("Government", 0.06, -0.35),
)
MISSING_MARKS = ("Select", "N/A", "-", "")

# title: seniority, weight
TITLES = (
    ("CEO", 0, 0.05),
    ("CIO", 0, 0.03),
    ("Director General", 0, 0.04),
    ("Chief Operating Officer", 0, 0.03),
    ("VP Sales", 1, 0.05),
    ("Director de Operaciones", 1, 0.07),
    ("Director of IT", 1, 0.07),
    ("Directora de Marketing", 1, 0.04),
    ("Operations Manager", 2, 0.12),
    ("Responsable de Sistemas", 2, 0.10),
    ("Jefe de Compras", 2, 0.06),
    ("Marketing Manager", 2, 0.07),
    ("Analyst", 3, 0.08),
    ("Técnico de Sistemas", 3, 0.07),
    ("Administrativo", 3, 0.05),
    ("Student", 4, 0.03),
    ("Becario", 4, 0.02),
    ("", 3, 0.02),
)
SENIORITY_EFFECTS = (0.35, 0.40, 0.10, -0.30, -1.30)

# source: weight at the start, weight at the end, effect on fit, size of the first burst of intent, first GA4 touch
SOURCES = (
    ("Web", 0.24, 0.20, 0.15, 1.2, ("google", "organic")),
    ("Demo Request", 0.06, 0.09, 0.55, 2.0, ("(direct)", "(none)")),
    ("Advertisement", 0.16, 0.08, -0.30, 0.8, ("google", "cpc")),
    ("Social Media", 0.08, 0.17, -0.40, 0.6, ("linkedin", "social")),
    ("Webinar", 0.12, 0.12, -0.05, 0.9, ("hubspot", "email")),
    ("Trade Show", 0.10, 0.05, -0.10, 0.5, ("(direct)", "(none)")),
    ("Customer Referral", 0.05, 0.07, 0.75, 1.3, ("partner.example", "referral")),
    ("Partner", 0.06, 0.10, 0.40, 1.0, ("partner.example", "referral")),
    ("Purchased List", 0.13, 0.12, -0.90, 0.1, ("hubspot", "email")),
)
PRODUCTS = (
    ("Core", 0.45, 0.0),
    ("Analytics", 0.22, 0.15),
    ("Enterprise", 0.13, 0.30),
    ("", 0.10, -0.1),
    ("Select", 0.10, -0.1),
)
FREE_MAIL = ("gmail.com", "hotmail.com", "yahoo.es", "outlook.com")
FREE_MAIL_EFFECT = -0.60
