"""The words with which people stop, start and ask, by language. Data only; `keywords.py` reads them.

English: the union of Twilio's, Telnyx's, AWS's and Braze's defaults and of 47 CFR 64.1200(a)(10):
https://docs.aws.amazon.com/sms-voice/latest/userguide/keywords-required.html
https://developers.telnyx.com/docs/messaging/messages/advanced-opt-in-out
https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
https://compliancepoint.com/marketing-compliance/fccs-consent-revocation-rule-language-analysis-and-compliance-insights
French: AWS, and Twilio's Proxy: https://www.twilio.com/docs/proxy/opt-out-keywords
The other languages are the plain words for it and have no list of carriers behind them.
"""

from typing import Literal

Kind = Literal["stop", "start", "help"]
# A body that is one of these and nothing else, whatever its case, accents, spaces and punctuation.
EXACT: dict[str, dict[Kind, tuple[str, ...]]] = {
    "en": {
        "stop": ("stop", "stop all", "unsubscribe", "end", "quit", "cancel", "revoke", "opt out", "remove"),
        "start": ("start", "yes", "unstop"),
        "help": ("help", "info"),
    },
    "fr": {
        "stop": ("arrêt", "arrêter", "arrêtez", "arrête", "arrett", "td", "désabonner", "désinscription"),
        "start": ("commencer", "reprendre"),
        "help": ("aide",),
    },
    "es": {
        "stop": ("baja", "alto", "parar", "detener", "cancelar", "no más", "desuscribir"),
        "start": ("alta", "iniciar"),
        "help": ("ayuda",),
    },
    "pt": {
        "stop": ("pare", "parar", "sair", "remover", "descadastrar", "cancelar"),
        "start": ("começar", "voltar"),
        "help": ("ajuda",),
    },
    "de": {
        "stop": ("stopp", "abmelden", "abbestellen", "austragen"),
        "start": ("anmelden",),
        "help": ("hilfe",),
    },
    "it": {"stop": ("ferma", "basta", "annulla", "cancellami"), "start": ("inizia",), "help": ("aiuto",)},
    "nl": {"stop": ("afmelden", "uitschrijven", "stoppen"), "start": ("aanmelden",), "help": ("hulp",)},
    "pl": {"stop": ("stop sms", "rezygnuję", "wypisz", "koniec"), "start": ("wznów",), "help": ("pomoc",)},
    "tr": {"stop": ("dur", "iptal", "ret", "durdur", "çık"), "start": ("başlat",), "help": ("yardım",)},
    "hi": {
        "stop": ("रोको", "रोकें", "बंद", "बंद करो", "बंद करें", "roko", "roken", "band karo", "band kare", "band karen"),
        "start": ("शुरू", "शुरू करें", "shuru", "shuru karo"),
        "help": ("मदद", "सहायता", "madad"),
    },
    "ar": {"stop": ("توقف", "أوقف", "إيقاف", "الغاء", "إلغاء"), "start": ("ابدأ", "بدء"), "help": ("مساعدة",)},
    "ja": {"stop": ("停止", "配信停止", "解除", "ストップ", "中止"), "start": ("開始", "再開"), "help": ("ヘルプ",)},
}  # fmt: skip
# Words that anywhere in a longer text let a person look at it.
ANYWHERE = (
    "stop", "stopp", "unsubscribe", "optout", "stpo", "sotp", "stoop", "unsuscribe", "unsubcribe", "unsubscibe",
    "arret", "arreter", "arretez", "desabonner", "baja", "desuscribir", "descadastrar", "abmelden", "abbestellen",
    "afmelden", "uitschrijven", "iptal", "spam", "harassment", "रोको", "रोकें", "توقف", "停止",
)  # fmt: skip
PHRASES = (
    "opt out", "opt me out", "remove me", "take me off", "leave me alone", "delete my number", "lose my number",
    "no more texts", "no more messages", "no more sms", "dont text", "do not text", "dont message",
    "do not message", "dont contact", "do not contact", "quit texting", "quit messaging", "cease",
    "cancel subscription", "cancel texts", "cancel messages", "not interested", "no mas", "no me escriban",
    "lassen sie mich", "band karo", "band kare", "message mat", "mat bhejo",
)  # fmt: skip
# One confirmation, without a word of marketing (47 CFR 64.1200(a)(12)); `{brand}` is the account's name.
STOPPED = {
    "en": "{brand}: you will get no more texts from us. Reply START to get them again.",
    "fr": "{brand} : vous ne recevrez plus de SMS de notre part. Répondez START pour en recevoir à nouveau.",
    "es": "{brand}: no recibirá más mensajes nuestros. Responda START para volver a recibirlos.",
    "pt": "{brand}: você não receberá mais mensagens nossas. Responda START para voltar a receber.",
    "de": "{brand}: Sie erhalten keine SMS mehr von uns. Antworten Sie START, um sie wieder zu erhalten.",
    "it": "{brand}: non riceverà più nostri SMS. Risponda START per riceverli di nuovo.",
    "nl": "{brand}: u krijgt geen sms meer van ons. Antwoord START om ze weer te krijgen.",
}
STARTED = "{brand}: you will get texts about your calls again. Reply STOP to get no more."
HELPED = "{brand}: we text you about your calls with us. Reply STOP to get no more texts."
