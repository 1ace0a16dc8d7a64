"""Names of columns: plausible ones of CRMs in English and Spanish for half of them, meaningless ones for the rest.

The pools are our own invention. Honest pools hold words on purpose that sound like an outcome and are not one ("estado"
is also a province, a contract can be wished for before any is signed), leaks hold some that sound harmless.
"""

import numpy as np

HONEST = {
    "number": [
        "Employees",
        "Annual revenue",
        "Pages seen before form",
        "Distance to branch",
        "Company age",
        "Budget asked",
        "Empleados",
        "Facturación anual",
        "Páginas vistas antes",
        "Edad de la empresa",
        "Presupuesto pedido",
        "Seats wanted",
        "Puestos deseados",
        "Population of city",
        "Score of domain authority",
        "Total floor space",
    ],
    "nominal": [
        "Lead source",
        "Industry",
        "Country",
        "Campaign",
        "Language",
        "Device",
        "Browser",
        "Job family",
        "Product asked",
        "Origen",
        "Sector",
        "País",
        "Campaña",
        "Idioma",
        "Dispositivo",
        "Cargo",
        "Producto de interés",
        "Estado",
        "Reason for contact",
        "Motivo de la consulta",
        "Type of customer they serve",
        "Weekday of form",
    ],
    "ordered": [
        "Size band",
        "Seniority",
        "Education",
        "Urgency stated",
        "Income band",
        "Stage of company",
        "Contract length wanted",
        "Tramo de empleados",
        "Nivel de estudios",
        "Urgencia declarada",
        "Antigüedad",
        "Plazo de contrato deseado",
    ],
    "flag": [
        "Has website",
        "Business e-mail",
        "Opened newsletter before",
        "Returning visitor",
        "Asked for a call",
        "Partner",
        "Tiene web",
        "Correo de empresa",
        "Visita repetida",
        "Pidió llamada",
        "Was customer in 2015",
        "Accepts cookies",
    ],
    "date": [
        "Founded on",
        "First visit",
        "Birthday of company",
        "Wanted start",
        "Date of trade fair",
        "End of current contract",
        "Fundación",
        "Primera visita",
        "Inicio deseado",
        "Fecha de la feria",
        "Fin del contrato actual",
    ],
}

LEAKS = {
    "outcome_copy": [
        "Is client", "Bought", "Enrolled", "Success flag", "Final result", "Deal outcome", "Won deal", "Final score",
        "Es cliente", "Compró", "Matriculado", "Resultado final", "Venta lograda", "Ganado", "Puntuación final",
    ],
    "written_after": [
        "Contract number", "Invoice amount", "Onboarding manager", "Start of service", "Payment method", "Welcome pack",
        "Reason for purchase", "Número de contrato", "Importe facturado", "Forma de pago", "Motivo de compra", "Alta",
        "Kick-off notes", "Billing address", "Dirección de facturación",
    ],
    "loss_reason": [
        "Loss reason", "Why lost", "Rejected because", "Discard code", "Competitor chosen", "Cause of closure",
        "Motivo de pérdida", "Causa de rechazo", "Motivo de descarte", "Competidor elegido", "Baja por",
    ],
    "status": [
        "Status", "Current stage", "Lifecycle", "Situation", "Pipeline step", "Last call result",
        "Situación", "Etapa actual", "Fase", "Estado del contacto", "Resultado última llamada",
    ],
    "counter": [
        "Meetings held", "E-mails sent", "Total calls", "Number of notes", "Activities", "Tickets", "Logins",
        "Reuniones", "Correos enviados", "Llamadas totales", "Número de notas", "Actividades", "Visitas totales",
    ],
    "outcome_date": [
        "Closed on", "Last modified", "Stage changed", "Last activity", "Signed on", "Updated", "Last contact",
        "Fecha de cierre", "Última modificación", "Último contacto", "Firma", "Actualizado",
    ],
    "owner": [
        "Owner", "Account manager", "Assigned to", "Team", "Handled by", "Responsable", "Asignado a", "Gestor",
        "Equipo",
    ],
    "restated": [
        "Headcount", "Revenue checked", "Segment", "Rating", "Region confirmed", "Potential", "Plantilla", "Segmento",
        "Clasificación", "Potencial", "Facturación comprobada",
    ],
    "aggregate": [
        "Campaign success", "Source conversion rate", "Agent performance", "Segment average", "Historic rate",
        "Éxito de campaña", "Tasa de conversión", "Rendimiento del agente", "Media del segmento",
    ],
}  # fmt: skip


class Namer:
    """Gives each column of one export its own name, all written in one style."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.style = rng.choice(["spaces", "snake", "camel", "custom"])
        self.code = rng.choice(["x", "fld", "attr", "v", "col", "q"])
        self.taken: set[str] = set()

    def name(self, pool: list[str]) -> tuple[str, bool]:
        """A name that no other column has, and whether it means something (a coin decides)."""
        meant = bool(self.rng.random() < 0.5)
        free = [n for n in (self.write(p) for p in pool) if n not in self.taken]
        while not (meant and free):
            code = f"{self.code}_{self.rng.integers(1000):03d}"
            if code not in self.taken:
                self.taken.add(code)
                return code, False
        chosen = str(self.rng.choice(free))
        self.taken.add(chosen)
        return chosen, True

    def write(self, words: str) -> str:
        """The words in the export's style."""
        if self.style == "snake":
            return words.lower().replace(" ", "_").replace("-", "_")
        if self.style == "camel":
            return "".join(w[:1].upper() + w[1:] for w in words.replace("-", " ").split())
        return words.replace(" ", "_") + "__c" if self.style == "custom" else words
