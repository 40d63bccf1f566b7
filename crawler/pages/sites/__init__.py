"""Page objects of single shops, for pages whose markup says nothing: they show how an adapter is written."""

from crawler.pages.product_page import ProductPage
from crawler.pages.sites.jd import JdPage
from crawler.pages.sites.taobao import TaobaoPage
from crawler.pages.sites.tmall import TmallPage

__all__ = ["SITE_RULES"]

SITE_RULES: dict[str, type[ProductPage]] = {
    "item.jd.com": JdPage,
    "item.taobao.com": TaobaoPage,
    "detail.tmall.com": TmallPage,
}
"""Host -> page object for its product pages."""
