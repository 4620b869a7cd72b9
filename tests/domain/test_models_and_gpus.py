from datetime import date

import pytest
from pydantic import ValidationError

from simulator.domain.models_and_gpus import PRECISION_BYTES, PRECISIONS, Figure, OpenModel, RentalOffer


def figure(value):
    return Figure(value=value, source="worked out here", as_of=None)


def llama_70b(**changes):
    fields = {
        "parameters": 70_553_706_496,
        "active_parameters": 70_553_706_496,
        "layers": 80,
        "hidden_size": 8192,
        "attention_heads": 64,
        "kv_heads": 8,
        "head_dim": 128,
        "vocab_size": 128_256,
        "context_tokens": 131_072,
    }
    figures = {name: figure(float(value)) for name, value in (fields | changes).items()}
    return OpenModel(id="llama", name="Llama", native_precision=None, **figures)


def offer(**changes):
    fields = {
        "gpu": "a100",
        "sku": "p4de.24xlarge",
        "gpus_per_instance": 8,
        "contract": "on_demand",
        "region": "us-east-1",
        "usd_per_hour": 27.4471,
        "effective_from": date(2026, 7, 20),
        "source": "price page",
        "as_of": date(2026, 7, 20),
    }
    return RentalOffer(**(fields | changes))


def test_every_precision_has_its_bytes():
    assert set(PRECISION_BYTES) == set(PRECISIONS)


def test_an_instance_is_paid_whole():
    assert offer().usd_per_gpu_hour == pytest.approx(3.4308875)
    assert offer().replicas_per_instance(3) == 2


@pytest.mark.parametrize("changes", [{"usd_per_hour": -2.5}, {"contract": "reserved"}, {"gpus_per_instance": 0}])
def test_impossible_offers_are_refused(changes):
    with pytest.raises(ValidationError, match=next(iter(changes))):
        offer(**changes)


def test_a_model_of_another_name_may_have_the_same_shape():
    model = llama_70b()
    assert model.shape_id == "llama"
    assert model.model_copy(update={"id": "llama-2", "shape": "llama"}).shape_id == "llama"
