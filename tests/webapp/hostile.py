"""Texts that shops might write to attack their readers."""

MILLION = "长" * 1_000_000
HOSTILE = {
    "script": "<script>window.hacked=1</script>",
    "handler": '"><img src=x onerror="window.hacked=1"><svg onload="window.hacked=1"></svg>',
    "closing": "</bdi></td></script></title></textarea><iframe srcdoc='<script>parent.hacked=1</script>'>",
    "template": "{{ 7 * 7 }}{% include '/etc/passwd' %}${7*7}",
    "turned": "\u202e\u2066gnp.exe <b>עברית</b>",
    "control": "before\0after\x1b[31m\x07",
    "address": "javascript:window.hacked=1",
    "long": MILLION + "<script>window.hacked=1</script>",
}
