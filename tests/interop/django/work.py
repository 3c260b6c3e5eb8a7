"""What people at a site do, through the ORM alone: work.py rules | migrate | write SITE TURN | dump."""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from shop import models
from shop.models import VERSION, Company, Customer, Note, Order, OrderLine, Product, Profile, Tag


def rules():
    """Records that the framework makes at every site are one; whom a note is about is nowhere declared."""
    print('[tables.django_migrations]\nidentity = ["app", "name"]')
    print('[tables.django_content_type]\nidentity = ["app_label", "model"]')
    tables = {str(ContentType.objects.get_for_model(model).pk): model._meta.db_table for model in (Customer, Order, Product)}
    pairs = ", ".join(f'"{number}" = "{table}"' for number, table in tables.items())
    print(f'[references]\n"shop_note.object_id" = {{ type = "content_type_id", tables = {{ {pairs} }} }}')


def migrate():
    call_command("migrate", *(["shop", "0001"] if VERSION == 1 else []), verbosity=0)
    if VERSION == 1:
        call_command("migrate", "contenttypes", verbosity=0)


def fill():
    shared = Customer.objects.create(name="shared")
    product = Product.objects.create(code="shared")
    product.tags.add(Tag.objects.create(slug="shared"))
    Order.objects.create(number="shared", customer=shared, meant="shared")


@transaction.atomic
def write(site, turn):
    own = f"{site}-{turn}"
    before = Customer.objects.filter(name__startswith=site).order_by("-name").first() or Customer.objects.get(name="shared")
    customer = Customer.objects.create(name=f"{own}-customer", referred_by=before, meant=before.name)
    Profile.objects.create(customer=customer, meant=customer.name)
    company = Company.objects.create(name=f"{own}-company", vat=f"{own}-company", referred_by=customer, meant=customer.name)
    product = Product.objects.create(code=f"{own}-product")
    product.tags.add(Tag.objects.get(slug="shared"), Tag.objects.create(slug=f"{own}-tag"))
    product.meant = f"shared {own}-tag"
    product.save()
    shared = Product.objects.get(code="shared")
    for buyer in (customer, company):
        order = Order.objects.create(number=f"{buyer}-order", customer=buyer, meant=buyer.name)
        for item in (product, shared):
            OrderLine.objects.create(order=order, product=item, meant=f"{order}: {item}")
        Note.objects.create(about=order, text=f"order {order}")
    Note.objects.create(about=customer, text=f"customer {customer}")
    Note.objects.create(about=product, text=f"product {product}")
    Customer.objects.filter(name="shared").update(email=f"{own}@shared.example")
    # What was made in the turn before is deleted, edited and given to somebody else.
    for order in Order.objects.filter(number=f"{site}-{int(turn) - 1}-company-order"):
        order.delete()
    for order in Order.objects.filter(number=f"{site}-{int(turn) - 1}-customer-order"):
        order.customer, order.meant = company, company.name
        order.save()
    if VERSION >= 2:
        customer.nickname = f"nick {own}"
        customer.save()
        models.Coupon.objects.create(code=own, customer=customer, meant=customer.name)


def dump():
    """Everything by name. Whatever is not what it was meant to be is said with `WRONG`."""

    def say(kind, name, found, meant):
        wrong = "" if found == meant else f" WRONG, meant {meant}"
        lines.append(f"{kind} {name}: {found}{wrong}")

    lines = []
    for customer in Customer.objects.all():
        say("customer", f"{customer} {customer.email}", str(customer.referred_by or ""), customer.meant)
        if VERSION >= 2:
            lines.append(f"nickname {customer}: {customer.nickname}")
    for company in Company.objects.all():
        say("company", company.name, company.vat, company.name)
    for profile in Profile.objects.all():
        say("profile", profile.meant, profile.customer.name, profile.meant)
    for product in Product.objects.exclude(code="shared"):
        say("product", product, " ".join(sorted((tag.slug for tag in product.tags.all()), key=lambda slug: slug != "shared")), product.meant)
    for tag in Tag.objects.all():
        lines.append(f"tag {tag}")
    for order in Order.objects.all():
        say("order", f"{order} with {order.lines}", order.customer.name, order.meant)
        say("lines", order, order.orderline_set.count(), order.lines)
    for line in OrderLine.objects.all():
        say("line", line.meant, f"{line.order}: {line.product}", line.meant)
    # A note of a deleted order is about nothing.
    for note in Note.objects.all():
        if note.about is not None:
            say("note", note.text, f"{note.content_type.model} {note.about}", note.text)
    for content_type in ContentType.objects.all():
        lines.append(f"content type {content_type.app_label}.{content_type.model}")
    for app, name in MigrationRecorder(connection).applied_migrations():
        lines.append(f"migration {app}.{name}")
    if VERSION >= 2:
        for coupon in models.Coupon.objects.all():
            say("coupon", coupon.code, str(coupon.customer or ""), coupon.meant)
    print("\n".join(sorted(lines)))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
