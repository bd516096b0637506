"""Short question-and-answer families in Turkish, German, French, Spanish and Portuguese."""

from __future__ import annotations

from .families import Attribute, Kind

# language: plural heading, then (label, values, statements, questions) of an invented thing `{e}`.
_TABLES: dict[str, list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]] = {
    "Türkçe": [
        ("başkent", "<place>", ("{e} ülkesinin başkenti {v} şehridir.", "{v}, {e} ülkesinin başkentidir."), ("{e} ülkesinin başkenti neresidir", "{e} hangi şehirden yönetilir", "{e} başkentinin adı nedir")),
        ("port", "<port>", ("{e} {v} portunu dinler.", "{e} için port {v} olarak ayarlıdır."), ("{e} hangi portu dinler", "{e} portu kaçtır", "{e} hangi port üzerinden çalışır")),
        ("varsayılan değer", "<integer 1 900>", ("{e} için varsayılan değer {v}.", "{e} varsayılan olarak {v} değerini alır."), ("{e} için varsayılan değer nedir", "{e} ayarlanmazsa hangi değeri alır", "{e} varsayılanı kaç")),
        ("sorumlu", "<person>", ("{e} için sorumlu kişi {v}.", "{e} konusunda {v} sorumludur."), ("{e} için kim sorumlu", "{e} hakkında kime sorabilirim", "{e} sorumlusu kimdir")),
        ("sürüm", "<version>", ("{e} için güncel sürüm {v}.", "{e} şu anda {v} sürümündedir."), ("{e} hangi sürümde", "{e} güncel sürümü nedir", "{e} için son sürüm kaç")),
        ("ücret", "<integer 10 900> lira", ("{e} ücreti {v}.", "{e} için {v} ödenir."), ("{e} ne kadar", "{e} ücreti kaç lira", "{e} için ne ödenir")),
        ("renk", "[kırmızı|mavi|yeşil|sarı|beyaz|siyah|gri|mor|turuncu]", ("{e} rengi {v}.", "{e} {v} renktedir."), ("{e} ne renk", "{e} hangi renktedir", "{e} rengi nedir")),
    ],
    "Deutsch": [
        ("Hauptstadt", "<place>", ("Die Hauptstadt von {e} ist {v}.", "{v} ist die Hauptstadt von {e}."), ("Was ist die Hauptstadt von {e}", "Wie heißt die Hauptstadt von {e}", "Von wo wird {e} regiert")),
        ("Port", "<port>", ("{e} lauscht auf Port {v}.", "Der Port von {e} ist {v}."), ("Auf welchem Port lauscht {e}", "Welchen Port benutzt {e}", "Was ist der Port von {e}")),
        ("Vorgabe", "<integer 1 900>", ("Die Vorgabe für {e} ist {v}.", "Ohne Angabe hat {e} den Wert {v}."), ("Was ist die Vorgabe für {e}", "Welchen Wert hat {e} ohne Angabe", "Worauf steht {e} anfangs")),
        ("zuständig", "<person>", ("Für {e} ist {v} zuständig.", "{v} kümmert sich um {e}."), ("Wer ist für {e} zuständig", "Wer kümmert sich um {e}", "Wen frage ich nach {e}")),
        ("Öffnungszeit", "von <time> bis <time> Uhr", ("{e} ist {v} geöffnet.", "Die Öffnungszeit von {e}: {v}."), ("Wann ist {e} geöffnet", "Wie lange hat {e} offen", "Was ist die Öffnungszeit von {e}")),
        ("Preis", "<integer 2 900> Euro", ("{e} kostet {v}.", "Der Preis für {e} beträgt {v}."), ("Was kostet {e}", "Wie teuer ist {e}", "Wie viel muss ich für {e} zahlen")),
        ("Farbe", "[rot|blau|grün|gelb|weiß|schwarz|grau|braun|lila]", ("{e} ist {v}.", "Die Farbe von {e} ist {v}."), ("Welche Farbe hat {e}", "Was ist die Farbe von {e}", "Wie sieht {e} aus")),
    ],
    "Français": [
        ("capitale", "<place>", ("La capitale de {e} est {v}.", "{v} est la capitale de {e}."), ("Quelle est la capitale de {e}", "Comment s'appelle la capitale de {e}", "D'où {e} est-il gouverné")),
        ("port", "<port>", ("{e} écoute sur le port {v}.", "Le port de {e} est {v}."), ("Sur quel port écoute {e}", "Quel port utilise {e}", "Quel est le port de {e}")),
        ("valeur par défaut", "<integer 1 900>", ("La valeur par défaut de {e} est {v}.", "Par défaut, {e} vaut {v}."), ("Quelle est la valeur par défaut de {e}", "Que vaut {e} par défaut", "À combien {e} est-il réglé")),
        ("responsable", "<person>", ("Le responsable de {e} est {v}.", "{v} s'occupe de {e}."), ("Qui est responsable de {e}", "Qui s'occupe de {e}", "À qui demander pour {e}")),
        ("prix", "<integer 2 900> euros", ("{e} coûte {v}.", "Le prix de {e} est de {v}."), ("Combien coûte {e}", "Quel est le prix de {e}", "Que faut-il payer pour {e}")),
    ],
    "Español": [
        ("capital", "<place>", ("La capital de {e} es {v}.", "{v} es la capital de {e}."), ("¿Cuál es la capital de {e}", "¿Cómo se llama la capital de {e}", "¿Desde dónde se gobierna {e}")),
        ("puerto", "<port>", ("{e} escucha en el puerto {v}.", "El puerto de {e} es {v}."), ("¿En qué puerto escucha {e}", "¿Qué puerto usa {e}", "¿Cuál es el puerto de {e}")),
        ("valor predeterminado", "<integer 1 900>", ("El valor predeterminado de {e} es {v}.", "Si no se indica, {e} vale {v}."), ("¿Cuál es el valor predeterminado de {e}", "¿Cuánto vale {e} si no se indica", "¿Qué valor tiene {e}")),
        ("responsable", "<person>", ("La persona responsable de {e} es {v}.", "{v} se encarga de {e}."), ("¿Quién es responsable de {e}", "¿Quién se encarga de {e}", "¿A quién pregunto por {e}")),
        ("precio", "<integer 2 900> euros", ("{e} cuesta {v}.", "El precio de {e} es de {v}."), ("¿Cuánto cuesta {e}", "¿Cuál es el precio de {e}", "¿Qué hay que pagar por {e}")),
    ],
    "Português": [
        ("capital", "<place>", ("A capital de {e} é {v}.", "{v} é a capital de {e}."), ("Qual é a capital de {e}", "Como se chama a capital de {e}", "De onde {e} é governado")),
        ("versão", "<version>", ("A versão atual de {e} é {v}.", "{e} está na versão {v}."), ("Qual é a versão atual de {e}", "Em que versão está {e}", "Que versão de {e} devo usar")),
        ("preço", "<integer 2 900> euros", ("{e} custa {v}.", "O preço de {e} é {v}."), ("Quanto custa {e}", "Qual é o preço de {e}", "O que se paga por {e}")),
    ],
}  # fmt: skip
HEADINGS = {
    "Türkçe": "Bilgiler",
    "Deutsch": "Übersicht",
    "Français": "Aperçu",
    "Español": "Resumen",
    "Português": "Visão geral",
}


def read_language_kinds() -> list[Kind]:
    """One kind a language; its questions are whole, so that no English frame is put around them."""
    kinds = []
    for language, rows in _TABLES.items():
        attributes = [
            Attribute(label, values, statements=list(statements), questions=[(question, "") for question in questions])
            for label, values, statements, questions in rows
        ]
        kinds.append(Kind(language, HEADINGS[language], "[<name>|<coined>|`<snake>`]", attributes))
    return kinds
