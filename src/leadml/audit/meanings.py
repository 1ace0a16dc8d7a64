"""Words whose meaning lies after the outcome: a general list, in English and Spanish, as stems of meanings.

A word proves nothing (a "score" may be of a credit bureau, a "contract" an old one): it only makes evidence graver.
"""

import re
import unicodedata

from leadml.audit.findings import Evidence

# meaning: stems. A word of a column's name has the meaning if it begins with one of them; "=" asks for the whole word.
MEANINGS: dict[str, str] = {
    "outcome": "outcome result desenlace resultad converted conversion convertid =won =win =ganad ganado ganada "
    "=lost =loss perdid success exito",
    "closing": "closed closing closure =close cerrad cierre finished finaliz terminat",
    "reason": "reason motivo razon why causa discard descart reject rechaz disqualif descalif lossreason",
    "state": "status =state estado stage etapa phase fase lifecycle disposition substatus subestado",
    "judgement": "quality calidad rating valoracion grade calificac qualif cualific hotness probab likelihood score "
    "puntuac scoring forecast pronostic priority prioridad",
    "after the sale": "contract contrato invoice factura payment pago paid pagad revenue ingreso order pedido "
    "purchase compra deal amount importe customer cliente onboard renewal renovac churn subscription suscripc "
    "delivery entrega refund devoluc installment cuota signed firmad enroll inscri matricul admission admit",
    "handling": "remark comment coment note =nota observac feedback called llamad conversac disposit handled gestion "
    "atendid agent agente assigned asignad owner propietari",
    "afterwards": "final last ultim latest modified modificad updated actualiz",
}


def words_evidence(column: str) -> Evidence | None:
    """``words``: the meaning of the column's name lies after the outcome; None for a name without such a word."""
    for meaning, stems in MEANINGS.items():
        for word in name_words(column):
            if any(word == s[1:] if s.startswith("=") else word.startswith(s) for s in stems.split()):
                return Evidence("words", {"word": word, "meaning": meaning})
    return None


def name_words(name: str) -> list[str]:
    """The words of a column's name, lower case, without accents: "lastVisitDate" gives last, visit, date."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain)
    return [w for w in re.split(r"[^a-z0-9]+", parted.lower()) if w]
