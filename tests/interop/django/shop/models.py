"""A small shop: one of every kind of relation the ORM has. Every reference is also said in words, in `meant`."""

import os

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver

# 2 where the second migration is applied.
VERSION = int(os.environ.get("SHOP_VERSION", "1"))


class Note(models.Model):
    text = models.CharField(max_length=200)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    about = GenericForeignKey("content_type", "object_id")

    class Meta:
        indexes = [models.Index(fields=["content_type", "object_id"])]


class Customer(models.Model):
    name = models.CharField(max_length=100, unique=True)
    email = models.EmailField(blank=True)
    referred_by = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="referred")
    meant = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    notes = GenericRelation(Note)
    if VERSION >= 2:
        nickname = models.CharField(max_length=50, null=True)

    def __str__(self):
        return self.name


class Company(Customer):
    """Multi-table inheritance: its key is a foreign key."""

    vat = models.CharField(max_length=100, unique=True)


class Profile(models.Model):
    customer = models.OneToOneField(Customer, on_delete=models.CASCADE)
    meant = models.CharField(max_length=200)


class Tag(models.Model):
    slug = models.SlugField(unique=True)

    def __str__(self):
        return self.slug


class Product(models.Model):
    code = models.CharField(max_length=100, unique=True)
    tags = models.ManyToManyField(Tag)
    meant = models.CharField(max_length=200, blank=True)

    def __str__(self):
        return self.code


class Order(models.Model):
    number = models.CharField(max_length=100, unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    meant = models.CharField(max_length=200)
    lines = models.PositiveIntegerField(default=0)
    notes = GenericRelation(Note)

    def __str__(self):
        return self.number


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    meant = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "product"], name="one_line_per_product")]


@receiver(post_save, sender=OrderLine)
def count_lines(sender, instance, **more):
    Order.objects.filter(pk=instance.order_id).update(lines=instance.order.orderline_set.count())


if VERSION >= 2:

    class Coupon(models.Model):
        code = models.CharField(max_length=100, unique=True)
        customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL)
        meant = models.CharField(max_length=200)
