"""Llama and Pixtral through the code that runs the real ones, on tiny checkpoints of the same classes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageChops

from extraction import gate
from extraction.backends.generative.reader import Generated, Question
from extraction.backends.generative.transformers_asker import (
    MOST_AT_ONCE,
    EndOfAnswer,
    LocalOptions,
    TransformersAsker,
    _generated,
    questions_within,
)
from extraction.backends.llama import LlamaPreparer, llama_asker, llama_backend
from extraction.backends.pixtral import PixtralPreparer, pixtral_asker, pixtral_backend
from extraction.documents import open_pages
from extraction.schema import Backend, BatchBackend, Hints, OpenedDocument, ReaderError, Reading
from extraction.tests.pages import INVOICE_LINES as LINES
from extraction.tests.pages import encoded, invoice_pdf, invoice_picture
from extraction.tests.tiny_models import overfit, tiny_llama, tiny_pixtral

WHITE, BLUE = Image.new("RGB", (300, 400), "white"), Image.new("RGB", (900, 400), "blue")
QUESTIONS = (
    Question("Read this.", (("page 1", WHITE),)),
    Question("Read that too, please, and all of it.", (("page 2", BLUE), ("page 3", WHITE))),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of tiny models wait for each other longer than they work, most of all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def pixtral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pixtral(tmp_path_factory.mktemp("pixtral"))


@pytest.fixture(params=["llama", "pixtral"])
def asker(request: pytest.FixtureRequest, llama: Path, pixtral: Path) -> TransformersAsker:
    if request.param == "llama":
        return llama_asker(options(llama))
    return pixtral_asker(options(pixtral))


def options(folder: Path | str, **changes: Any) -> LocalOptions:
    return replace(LocalOptions(str(folder), "basic", dtype="float32", max_tokens=12), **changes)


def said(asker: TransformersAsker, questions: Sequence[Question]) -> list[Generated]:
    answers = list(asker.ask(questions))
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    return answers  # type: ignore[return-value]


def test_questions_are_answered_the_same_alone_and_together(asker: TransformersAsker) -> None:
    # Pages of several documents: other lengths of the prompt, other sizes and numbers of pictures, mixed.
    questions = [
        QUESTIONS[0],
        QUESTIONS[1],
        replace(QUESTIONS[0], text="Read this one, please, and all of it."),
        Question("Read.", (("page 1", BLUE),)),
        Question("No picture, only words. " * 20),
        Question("Read this sheet.", (("page 1", Image.new("RGB", (200, 900), "red")),)),
    ]
    alone = [answer for question in questions for answer in said(asker, [question])]
    assert len({answer.text for answer in alone}) > 3, "answers that are all alike could change places unseen"
    asker._batch = 6
    together = said(asker, questions)
    for one, other in zip(alone, together, strict=True):
        assert one.text == other.text
        assert [t.logprob for t in one.tokens] == pytest.approx([t.logprob for t in other.tokens], abs=1e-4)
        assert all(token.logprob < 0 for token in one.tokens)
        # neither what fills the shorter question up nor what follows the end of an answer is counted
        assert (one.usage.input_tokens, one.usage.output_tokens) == (
            other.usage.input_tokens,
            other.usage.output_tokens,
        )
        assert one.usage.model_seconds > 0
    lengths = [answer.usage.input_tokens for answer in together]
    assert len(set(lengths)) > 1, "the questions should differ in length"


def test_probabilities_are_those_of_the_library(asker: TransformersAsker) -> None:
    (answer,) = said(asker, QUESTIONS[:1])
    model, preparer = asker._load()
    inputs = preparer.prepare(QUESTIONS[:1])
    out = model.generate(
        **inputs, do_sample=False, max_new_tokens=12, return_dict_in_generate=True, output_scores=True,
        pad_token_id=preparer.tokenizer.pad_token_id,
    )  # fmt: skip
    scores = model.compute_transition_scores(out.sequences, out.scores, normalize_logits=True)[0].tolist()
    tokens = out.sequences[0, inputs["input_ids"].shape[1] :].tolist()
    marks = preparer.tokenizer.all_special_ids  # no part of the answer's text
    expected = [score for token, score in zip(tokens, scores, strict=True) if token not in marks]
    assert len(expected) > 5
    assert [token.logprob for token in answer.tokens] == pytest.approx(expected, abs=1e-4)


def test_llama_is_shown_tiles_and_pixtral_rows_of_patches(llama: Path, pixtral: Path) -> None:
    tiles = LlamaPreparer(llama).prepare(QUESTIONS[:2])
    assert tiles["pixel_values"].shape[1:3] == (2, 4)  # most pictures of a question, tiles of a picture
    preparer = PixtralPreparer(pixtral)
    inputs = preparer.prepare(QUESTIONS[1:2])
    height, width = inputs["image_sizes"][0].tolist()
    assert (height, width) == (448, 960)
    marks = [preparer.tokenizer.convert_tokens_to_ids(t) for t in ("[IMG]", "[IMG_BREAK]", "[IMG_END]")]
    counts = [int((inputs["input_ids"] == mark).sum()) for mark in marks]
    rows, columns = height // 64, width // 64
    assert counts[0] == rows * columns + 7 * 5
    assert counts[1] == (rows - 1) + 6
    assert counts[2] == 2


def test_pixtrals_template_is_found_where_it_lies_and_must_ask_the_question(
    pixtral: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(pixtral, folder)
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ReaderError, match="no chat template"):
        PixtralPreparer(folder)
    # as it lies beside the processor of the published weights, with another name for the words
    (folder / "chat_template.json").write_text(
        json.dumps({"chat_template": template.replace("c['text']", "c['content']")})
    )
    moved, whole = (
        PixtralPreparer(folder).prepare(QUESTIONS[:1]),
        PixtralPreparer(pixtral).prepare(QUESTIONS[:1]),
    )
    assert moved["input_ids"].tolist() == whole["input_ids"].tolist()
    for change, message in (
        (("c['text']", "c['words']"), "leaves the question out"),
        (("[IMG]", ""), "places 0 pictures"),
    ):
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": template.replace(*change)}))
        with pytest.raises(ReaderError, match=message):
            PixtralPreparer(folder).prepare(QUESTIONS[:1])


def test_generation_stops_at_the_end_of_the_answer(llama: Path) -> None:
    tokenizer = LlamaPreparer(llama).tokenizer
    stop = EndOfAnswer(tokenizer, 3)
    whole = 'Step 4. {"total": "5.00", "line_items": [{"amount": "5.00"}]}'
    ids = tokenizer("abc" + whole, add_special_tokens=False, return_tensors="pt")["input_ids"]
    start = len(tokenizer("abc", add_special_tokens=False)["input_ids"])
    assert start == 3
    done = [bool(stop(ids[:, :length], None)[0]) for length in range(4, ids.shape[1] + 1)]
    assert done == [False] * (len(done) - 1) + [True]


def test_each_token_of_a_long_answer_has_its_characters(llama: Path) -> None:
    tokenizer = LlamaPreparer(llama).tokenizer
    text = "Peña & Söhne GmbH – 1.450,00 € " * 8
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    ids = [*ids, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.pad_token_id]
    answer = _generated(tokenizer, ids, [-0.01 * k for k in range(len(ids))], input_tokens=7, seconds=0.5)
    assert answer.text == text
    assert len(answer.tokens) == len(ids) - 3 > 200
    assert (answer.tokens[0].start, answer.tokens[-1].end) == (0, len(text))
    covered = {k for token in answer.tokens for k in range(token.start, token.end)}
    assert covered == set(range(len(text)))
    # this tokenizer has no merges: a token is a byte, and the three of the last euro sign share its place
    euro = text.rindex("€")
    assert [t.logprob for t in answer.tokens if t.start <= euro < t.end][-3:] == pytest.approx(
        [-0.01 * k for k in range(len(ids) - 7, len(ids) - 4)]
    )


class FullMemory:
    """A real model on a device whose memory holds so many questions at once; transformers' own error otherwise."""

    def __init__(self, model: Any, room: int) -> None:
        self.model, self.room, self.sizes = model, room, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def generate(self, **inputs: Any) -> Any:
        self.sizes.append(inputs["input_ids"].shape[0])
        if self.sizes[-1] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.model.generate(**inputs)


def test_fewer_questions_at_a_time_where_memory_does_not_suffice(llama: Path) -> None:
    asker = llama_asker(options(llama, batch=4))
    model, preparer = asker._load()
    crowded = FullMemory(model, room=1)
    asker._loaded = (crowded, preparer)
    assert len(said(asker, QUESTIONS[:1] * 5)) == 5
    assert crowded.sizes == [4, 2, 1, 1, 1, 1, 1]
    assert asker.at_once == 1
    asker._loaded = (FullMemory(model, room=0), preparer)
    (refusal,) = asker.ask(QUESTIONS[:1])
    with pytest.raises(ReaderError, match=r"memory of cpu does not suffice .* 4bit"):
        raise refusal  # type: ignore[misc]


def test_the_free_memory_decides_how_many_go_together() -> None:
    gib = 1024**3
    assert questions_within(50 * gib, 2 * gib, MOST_AT_ONCE) == MOST_AT_ONCE
    assert questions_within(20 * gib, 3 * gib, MOST_AT_ONCE) == 5  # a fifth is left for longer questions
    assert questions_within(20 * gib, 3 * gib, 4) == 4  # more did not fit once
    assert questions_within(gib, 3 * gib, MOST_AT_ONCE) == 1


def test_one_process_holds_one_model(llama: Path, pixtral: Path) -> None:
    first, second = llama_asker(options(llama)), pixtral_asker(options(pixtral))
    (before,) = said(first, QUESTIONS[:1])
    said(second, QUESTIONS[:1])
    assert first._loaded is None
    (after,) = said(first, QUESTIONS[:1])
    # All but the last digits of the probabilities, which depend on how many threads the machine had free.
    assert after.text == before.text
    assert [(t.start, t.end) for t in after.tokens] == [(t.start, t.end) for t in before.tokens]
    assert [t.logprob for t in after.tokens] == pytest.approx([t.logprob for t in before.tokens], abs=1e-4)
    assert second._loaded is None


class Spoiled(FullMemory):
    """A real model that fails whenever a question of so many tokens is among those asked together."""

    def generate(self, **inputs: Any) -> Any:
        self.sizes.append(inputs["input_ids"].shape[0])
        if (inputs["attention_mask"].sum(dim=1) > self.room).any():
            raise RuntimeError("index out of range in self")
        return self.model.generate(**inputs)


def test_a_question_that_fails_leaves_the_others_their_answers(asker: TransformersAsker) -> None:
    long = replace(QUESTIONS[0], text="Read this. " * 200)
    expected = said(asker, QUESTIONS[:1])[0]
    model, preparer = asker._load()
    spoiled = Spoiled(model, room=1000)
    asker._loaded, asker._batch = (spoiled, preparer), 4
    one, failed, other = asker.ask([QUESTIONS[0], long, QUESTIONS[0]])
    assert isinstance(failed, ReaderError)
    assert "RuntimeError: index out of range" in str(failed)
    assert isinstance(one, Generated) and isinstance(other, Generated)
    assert one.text == other.text == expected.text
    assert spoiled.sizes == [3, 1, 1, 1]


def test_the_backends_keep_the_protocol_and_refuse_nonsense(llama: Path, pixtral: Path) -> None:
    for make, folder in ((llama_backend, llama), (pixtral_backend, pixtral)):
        backend = make(options(folder))
        assert isinstance(backend, Backend)
        assert len(backend.version) <= 80
        assert backend.version != make(options(folder, prompt="detailed")).version
        assert backend.version != make(options(folder, dtype="bfloat16")).version
        # random weights say nothing that could be taken
        with pytest.raises(ReaderError, match="not JSON"):
            backend.read(open_pages(invoice_pdf()), Hints())


# --- what may be wrong with a folder -----------------------------------------------------------------


def test_each_trouble_with_weights_is_one_clear_error(llama: Path, pixtral: Path, tmp_path: Path) -> None:
    def refusal(where: object, make: Any = llama_backend, **changes: Any) -> str:
        with pytest.raises(ReaderError) as raised:
            make(options(str(where), **changes))
        return str(raised.value)

    assert "LLAMA_MODEL is not set" in refusal("")
    assert "hf download meta-llama/Llama-3.2-11B-Vision-Instruct" in refusal("")
    assert "which there is not" in refusal(tmp_path / "nowhere")
    assert "which there is not" in refusal("weights/llama/11b")
    assert "not the folder of Llama 3.2 Vision" in refusal(tmp_path)
    assert "kind “llava”, not Llama 3.2 Vision" in refusal(pixtral)
    assert "kind “mllama”, not Pixtral" in refusal(llama, pixtral_backend)
    broken = tmp_path / "broken"
    shutil.copytree(llama, broken)
    weights = broken / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    assert "was cut off" in refusal(broken)
    weights.write_bytes(b"<html>please accept the licence</html>")
    assert "no file of weights" in refusal(broken)
    weights.unlink()
    assert "lacks weights of Llama 3.2 Vision: model.safetensors" in refusal(broken)
    (broken / "pytorch_model.bin").write_bytes(b"\x80")
    assert "never loaded" in refusal(broken)
    (broken / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {f"w{k}": f"model-0000{k}-of-00005.safetensors" for k in range(1, 6)}})
    )
    assert "model-00001-of-00005.safetensors" in refusal(broken)
    assert "and 2 more" in refusal(broken)
    (broken / "config.json").write_text("{")
    assert "can't be read" in refusal(broken)


def test_a_name_of_the_hub_is_looked_for_in_its_cache_only(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ReaderError, match="neither a folder nor in the hub's cache"):
        llama_backend(options("someone/tiny-llama"))
    entry = tmp_path / "models--someone--tiny-llama"
    shutil.copytree(llama, entry / "snapshots" / "abc123")
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text("abc123")
    assert llama_backend(options("someone/tiny-llama")).name == "llama"


def test_libraries_and_devices_that_are_missing_are_named(llama: Path) -> None:
    with pytest.raises(ReaderError, match="4bit needs bitsandbytes"):
        llama_backend(options(llama, quantization="4bit"))
    if not torch.cuda.is_available():
        with pytest.raises(ReaderError, match="torch sees no NVIDIA GPU"):
            list(llama_asker(options(llama, device="cuda")).ask(QUESTIONS[:1]))


def test_weights_that_do_not_fit_their_configuration_are_told(llama: Path, tmp_path: Path) -> None:
    shutil.copytree(llama, tmp_path / "wrong")
    path = tmp_path / "wrong" / "config.json"
    config = json.loads(path.read_text())
    config["text_config"]["hidden_size"] = 96
    path.write_text(json.dumps(config))
    with pytest.raises(ReaderError, match="can't be loaded"):
        list(llama_asker(options(tmp_path / "wrong")).ask(QUESTIONS[:1]))


# --- a picture becomes JSON becomes a confidence -----------------------------------------------------

FIELDS = ("invoice_number", "total")
SECOND = (
    "INVOICE",
    "Ramirez Drywall LLC",
    "88 Mill Road, Yakima, WA 98901",
    "Invoice number: RD-771",
    "Invoice date: 05/02/2025",
    "",
    "Hang and tape drywall, two rooms   1   1,450.00   1,450.00",
    "Total due: $1,450.00",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny Llama that has learned two pictures by heart, each with its own answer."""
    from extraction.backends.generative.pictures import LLAMA
    from extraction.backends.generative.prompts import load_prompt
    from extraction.backends.generative.reader import Asking, question_about
    from extraction.tests.test_generative_reading import opened

    prompt = load_prompt("basic", fields=FIELDS)
    said = [
        json.dumps({"document_type": "invoice", "invoice_number": number, "total": total})
        for number, total in (("MR-20417", "$2,717.60"), ("RD-771", "$1,450.00"))
    ]
    folder = tiny_llama(tmp_path_factory.mktemp("trained"), [prompt.text, *said], tile=112)
    preparer = LlamaPreparer(folder)
    examples = []
    for content, answer in zip(pictures(), said, strict=True):
        pages, document = opened(content)
        examples.append((preparer.prepare([question_about(pages, document, Asking(prompt, LLAMA))]), answer))
    assert overfit(folder, examples) < 0.02  # 0.05 is what one gets by guessing which of the two it is
    yield folder


def pictures() -> list[bytes]:
    """A white page, and a yellow carbon copy: in tiles of 112 pixels no letter can be read."""
    yellow = ImageChops.multiply(
        invoice_picture(lines=SECOND), Image.new("RGB", (1700, 2200), (255, 225, 110))
    )
    return [encoded(invoice_picture(), "PNG"), encoded(yellow, "PNG")]


@pytest.mark.slow
def test_a_picture_becomes_json_becomes_a_placed_value_with_a_confidence(trained: Path) -> None:
    backend = llama_backend(options(trained, fields=FIELDS, max_tokens=100))
    first, second = (backend.read(open_pages(content), Hints()) for content in pictures())
    found = [{name: value.value for name, value in reading.fields.items()} for reading in (first, second)]
    # the same prompt both times: what differs comes from the picture alone
    assert found[0] == {"invoice_number": "MR-20417", "total": "2717.60"}
    assert found[1] == {"invoice_number": "RD-771", "total": "1450.00"}
    for reading in (first, second):
        assert all(v.grounded and v.box and v.confidence > 0.6 for v in reading.fields.values())
        assert {"invoice_number", "total"} <= gate.doubtful(reading).keys()  # nobody has calibrated it


@pytest.mark.slow
def test_what_was_learned_by_heart_and_is_not_on_the_page_is_not_trusted(trained: Path) -> None:
    # the very picture it knows, but the words on the page have changed
    backend = llama_backend(options(trained, fields=FIELDS, max_tokens=100))
    other = tuple(line.replace("2,717.60", "3,717.60").replace("MR-20417", "MR-20418") for line in LINES)
    reading = backend.read(open_pages(encoded(invoice_picture(lines=other), "PNG")), Hints())
    assert reading.fields
    for name, value in reading.fields.items():
        assert not value.grounded
        assert value.confidence <= 0.3
        assert name in gate.doubtful(reading, default_threshold=0.0)


@pytest.mark.slow
def test_documents_read_together_say_what_they_say_alone_and_one_that_fails_harms_no_other(
    trained: Path,
) -> None:
    backend = llama_backend(options(trained, fields=FIELDS, max_tokens=100, batch=3))
    assert isinstance(backend, BatchBackend)
    assert backend.pages_at_once == 3
    first, second = (OpenedDocument(open_pages(content)) for content in pictures())
    torn = OpenedDocument([replace(first.pages[0], picture=b"no picture any more", text_words=())])
    one, failed, other = backend.read_many([first, torn, second])
    assert isinstance(failed, Exception)
    assert "picture" in str(failed) or "image" in str(failed)
    for document, together in ((first, one), (second, other)):
        alone = backend.read(document.pages, document.hints)
        assert isinstance(together, Reading)
        assert together.fields.keys() == alone.fields.keys() == {"invoice_number", "total"}
        for name, value in alone.fields.items():
            found = together.fields[name]
            assert (found.value, found.page, found.box) == (value.value, value.page, value.box)
            assert found.confidence == pytest.approx(value.confidence, abs=0.001)
