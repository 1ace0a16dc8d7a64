"""Words by which columns, files and levels are recognised, in English and Spanish, without accents, in the singular.

General words of the trade only. A word is evidence and no proof: what is decided by a word alone is said so.
"""

import re
import unicodedata


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


ID = _set(
    "id key code codigo uuid guid number numero nr no ref reference referencia folio identifier identificador clave"
)
CREATED = _set(
    "created create creation createdate registered registration signup received entered entry opened submitted "
    "inquired requested alta creado creada creacion registro recibido recibida entrada apertura solicitado ingreso"
)
TIME = _set(
    "date time at on timestamp datetime day when moment fecha hora dia momento instante created modified updated "
    "registered closed sent alta cierre"
)
KIND = _set(
    "type kind channel medium action event activity method category tipo clase canal medio accion evento actividad via"
)
CONTENT = _set("page url path subject campaign asset title topic pagina asunto campana titulo tema recurso form")
DURATION = _set("duration seconds minutes length duracion segundos minutos")
AMOUNT = _set(
    "amount total value price revenue importe valor precio monto ingreso net gross sum subtotal cuota fee premium"
)
CURRENCY = _set("currency moneda divisa iso")
LEAD_TABLE = _set(
    "lead inquiry enquiry prospect contact person signup applicant application candidate request solicitud consulta "
    "interesado prospecto contacto persona registro alumno aspirante"
)
ACCOUNT_TABLE = _set(
    "account company organization organisation firm employer empresa cuenta compania organizacion sociedad"
)
DEAL_TABLE = _set(
    "deal opportunity order sale purchase contract invoice payment subscription policy booking enrolment enrollment "
    "oportunidad pedido venta compra contrato factura pago suscripcion poliza reserva matricula operacion conversion"
)
TOUCH_TABLE = _set(
    "activity event interaction touchpoint log call email mail visit session message meeting click open engagement "
    "campaign task note web actividad evento interaccion contacto llamada correo visita sesion mensaje reunion "
    "bitacora seguimiento gestion tarea nota formulario form"
)
HISTORY_TABLE = _set("history audit change log historial historico cambio auditoria")
FIELD = _set("field property attribute column fieldname campo propiedad atributo columna")
NEW = _set("new to after value newvalue nuevo nueva valor despues actual posterior")
OLD = _set("old from before previous oldvalue antiguo anterior viejo previo antes")

# Attributes that a lead usually has from its first day.
FIXED = _set(
    "source origin medium channel campaign country region province language industry sector size employee segment "
    "interest product fuente origen canal medio campana pais provincia idioma industria tamano empleado segmento "
    "interes producto utm referrer city ciudad type tipo budget presupuesto program programa course curso"
)

# Why a column of this name is likely to tell more than was known at the time.
LEAKS = {
    "the latest as of the export": _set("last latest recent ultimo ultima reciente current actual actualmente"),
    "written again at every change": _set(
        "modified updated changed modificado modificada actualizado actualizada modification update modificacion"
    ),
    "re-assigned in the course of the sale": _set(
        "owner assigned assignee agent rep salesperson seller propietario responsable asignado vendedor agente gestor "
        "asesor ejecutivo manager comercial"
    ),
    "true as of the export": _set("status stage phase lifecycle pipeline estatus etapa fase situacion substatus"),
    "another score": _set(
        "score rating grade probability puntuacion calificacion probabilidad prediction ranking hotness temperature"
    ),
    "a counter as of the export": _set(
        "count counter times visits sessions views clicks opens veces visitas sesiones clics aperturas contador "
        "lifetime cumulative acumulado"
    ),
    "written by the outcome": _set(
        "closed close closing won lost converted conversion cierre cerrado cerrada ganado ganada perdido perdida "
        "discard discarded descarte descartado loss reason motivo churn cancelled cancelado refund outcome result "
        "resultado purchased bought sold deal disqualified qualified"
    ),
}

OUTCOME = _set(
    "converted conversion won win sold purchased bought customer client outcome result success label target closed "
    "convertido convertida ganado ganada vendido vendida compro comprado cliente resultado exito venta contratado "
    "matriculado enrolled subscribed accepted churned response deposit status estado stage etapa situacion state"
)
WON = _set(
    "won win converted conversion customer client sold sale purchased bought success successful signed enrolled paid "
    "accepted approved ganado ganada convertido convertida cliente vendido vendida venta comprado contratado "
    "matriculado firmado firmada pagado pagada aceptado aceptada aprobado exito subscribed"
)
LOST = _set(
    "lost lose rejected discarded disqualified unqualified declined refused dead junk invalid perdido perdida "
    "rechazado rechazada descartado descartada fallido uninterested churned withdrawn abandoned abandonado"
)
CANCELLED = _set(
    "cancelled canceled refunded returned void annulled anulado anulada cancelado cancelada devuelto devuelta draft "
    "borrador"
)
STATES = _set(
    "open closed new working pending abierto abierta cerrado cerrada nuevo nueva pendiente proceso contactado contacted"
)
NEGATION = _set("not no non sin never")
YES = _set("1 true yes y si sí t s verdadero")
NO = _set("0 false no n f falso")

OWN_DATA = "a person's own data"
PERSONAL = {
    "a name": _set(
        "name nombre apellido surname forename fullname firstname lastname username salutation middlename contactname"
    ),
    "an e-mail": _set("email mail correo emailaddress"),
    "a phone": _set("phone telephone tel mobile cell cellphone fax telefono movil celular whatsapp phonenumber"),
    "an address": _set("address street postcode zip direccion calle domicilio postal postalcode zipcode"),
    OWN_DATA: _set(
        "birth birthday birthdate dob nacimiento gender sex genero sexo dni nif passport pasaporte ssn ip iban photo"
    ),
}
# With one of these a column is about a thing, not a person: "Company name", "E-mail subject", "Mobile device".
THING = _set(
    "company product campaign event page file course account organization organisation form list source template plan "
    "brand store school industry category type region channel stage medium domain subject status activity device model "
    "browser website url team department project service segment role partner provider opened clicked sent received "
    "opt optout bounced field property asset pipeline deal opportunity empresa producto campana evento pagina archivo "
    "curso cuenta organizacion formulario lista fuente plantilla marca tienda escuela sector categoria tipo canal "
    "etapa medio dominio asunto estado actividad dispositivo equipo departamento proyecto servicio segmento proveedor"
)
GIVEN_NAMES = _set(
    "ana maria jose juan carlos luis carmen laura marta pablo javier miguel antonio manuel francisco david daniel "
    "jorge alejandro sofia lucia elena paula isabel pedro sergio andrea diego fernando raul alberto rosa james john "
    "robert michael william mary patricia jennifer linda elizabeth susan jessica sarah karen thomas charles emma "
    "olivia noah liam lucas anna peter paul mark george steven kevin laura julia marie pierre hans"
)

CHANNEL_WORDS = {
    "call": _set("call called phone telephone dial voicemail llamada telefono llamo telefonica"),
    "email": _set("email mail mailing newsletter correo boletin reply inbox"),
    "meeting": _set("meeting demo appointment visit_in_person reunion cita demostracion entrevista interview"),
    "chat": _set("chat whatsapp sms message telegram mensaje"),
    "form": _set("form formulario submission submit subscribe request solicitud"),
    "event": _set("event webinar fair conference trade workshop evento feria congreso jornada taller seminario"),
    "social": _set("social linkedin facebook instagram twitter tiktok redes"),
    "ads": _set("ad ads advert banner display adwords anuncio publicidad"),
    "campaign": _set("campaign campana promotion promocion"),
    "web": _set(
        "web visit page view session download click site website visita pagina sesion descarga clic navegacion"
    ),
}
LEAD_DOES = _set(
    "opened open clicked click reply replied answered visit visited download downloaded submitted filled inbound "
    "incoming received_call entrante respondio respuesta abierto abrio clic visita descarga descargado requested "
    "attended subscribed registered asistio view form formulario solicitud web page pagina session sesion lead client "
    "cliente customer in"
)
COMPANY_DOES = _set(
    "sent outbound outgoing called dialed saliente enviado enviada envio realizada delivered bounced company agent "
    "empresa agente we us nosotros campaign newsletter boletin mailing out"
)


def plain(text: str) -> str:
    """The text in lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))


def words_of(text: str) -> frozenset[str]:
    """The words of a name or a level, with the singular of each: "lastVisitDates" gives last, visit, dates, date."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    found = [w for w in re.split(r"[^a-z0-9]+", re.sub(r"\be[- ]mail", "email", plain(parted))) if w]
    short = [w[: -len(end)] for w in found for end in ("s", "es") if w.endswith(end) and len(w) > len(end) + 2]
    # "inquiries" and "companies" end in -ies.
    short += [w[:-3] + "y" for w in found if w.endswith("ies") and len(w) > 4]
    return frozenset((*found, *short))


def fold(name: str) -> str:
    """Letters and digits only, lower case: "Lead Source", LeadSource and lead_source are one name."""
    return "".join(c for c in plain(name) if c.isalnum())


def snake(name: str) -> str:
    """A logical name: lower-case words joined by _, beginning with a letter."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    made = re.sub(r"[^a-z0-9]+", "_", plain(parted)).strip("_")
    return made if made[:1].isalpha() else f"t_{made}".rstrip("_")
