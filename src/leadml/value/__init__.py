"""What a lead is worth: the amount if it converts, learnt from few conversions, and the money that a ranking finds."""

from leadml.value.choosing import FittedValue as FittedValue
from leadml.value.choosing import fit_value as fit_value
from leadml.value.design import Term as Term
from leadml.value.fitting import Amounts as Amounts
from leadml.value.fitting import fit_form as fit_form
from leadml.value.fitting import known_amounts as known_amounts
from leadml.value.model import ValueModel as ValueModel
from leadml.value.money import judge_money as judge_money
