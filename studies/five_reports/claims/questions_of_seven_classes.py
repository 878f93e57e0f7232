"""Reproduction: the questions of the two reports that tell the seven diagnoses of HAM10000 apart."""

from __future__ import annotations

from types import MappingProxyType

from studies.five_reports.claims.question import CONSTANT, Answered, Pair, Question, against, named_rows

_HAM10000, _BEZZON = "ham10000-cnn-transfer", "bezzon-carraro"

_LEARNERS = ("forest", "xgboost", "svm")
_ALL_CLASSES = ("accuracy", "balanced_accuracy", "macro_f1")
HAM10000 = (
    Question(
        _HAM10000,
        "leak",
        "What does it add if photos of one lesion lie on both sides of the split?",
        "",
        named_rows(
            leak_by_image="Lite0, photos split at random",
            leak_by_lesion="Lite0, lesions kept together",
            leak_forest_by_image="a forest, photos split at random",
            forest="a forest, lesions kept together",
        ),
        (("leak-by-image", "leak-by-lesion"), ("leak-forest-by-image", "forest")),
        _ALL_CLASSES,
        note="The report says nothing of lesions that are shown on several photos. The same recipe was trained on both splits: "
        "EfficientNet-Lite0, for as few epochs as a laptop allows, and a random forest, whose trees grow until they have "
        "every training photo right. The test photos of the two splits are not the same.",
    ),
    Question(
        _HAM10000,
        "classical",
        "Does a network beat classical learners?",
        "Random forest, XGBoost and SVM are not very effective here (65 to 66%, against 90.5% of ResNet).",
        named_rows(
            leak_by_lesion="EfficientNet-Lite0 (ImageNet weights)",
            forest="a random forest",
            xgboost="XGBoost",
            svm="a support vector machine",
            cnn="the report's CNN (fewer photos)",
            resnet="ResNet-50 (from scratch, fewer photos)",
        ),
        against("leak-by-lesion", _LEARNERS),
        _ALL_CLASSES,
        note="EfficientNet-Lite0 with its ImageNet weights stands in for ResNet, whose weights are not here offline. It and the "
        "learners were fitted to the same photos; the report does not say what its learners were given.",
    ),
    Question(
        _HAM10000,
        "constant",
        "Do classical learners beat always answering “nv”?",
        "",
        named_rows(forest="a random forest", xgboost="XGBoost", svm="a support vector machine"),
        tuple((learner, CONSTANT) for learner in _LEARNERS),
        _ALL_CLASSES,
        note="As printed, all three lie below it: 65.15% to 65.9%, against 66.9% of photos that are nevi.",
    ),
    Question(
        _HAM10000,
        "transfer",
        "ResNet, or VGG-16?",
        "ResNet does better than VGG-16 (90.5% against 78%).",
        named_rows(resnet="ResNet-50 (from scratch)", vgg_16="VGG-16 (from scratch)"),
        (("resnet", "vgg-16"),),
        _ALL_CLASSES,
        (Answered("ham10000/best", metrics=("accuracy",)),),
        "Both began from random weights, and VGG-16 saw fewer photos, fewer times and smaller: the report's are pretrained.",
        fair=False,
    ),
)

_BLOCKS = MappingProxyType(
    {row: f"{row} block{'s' * (row != 'one')}" for row in ("one", "two", "three", "four", "five")}
)


def _best(row: str) -> tuple[Pair, ...]:
    return against(row, tuple(other for other in _BLOCKS if other != row))


BEZZON = (
    Question(
        _BEZZON,
        "blocks",
        "How many blocks?",
        "Four blocks have the best macro F1; a fifth lowers most figures.",
        _BLOCKS,
        _best("four"),
        ("macro_f1", "accuracy", "balanced_accuracy"),
        (
            Answered(
                "bezzon/one-worst", tuple((row, "one") for row in _BLOCKS if row != "one"), ("macro_f1", "accuracy")
            ),
            Answered(
                "bezzon/two-over-one",
                (("two", "one"),),
                ("f1/akiec", "f1/bcc", "f1/bkl", "f1/mel", "f1/nv", "f1/vasc"),
            ),
            Answered("bezzon/three-accuracy", _best("three"), ("accuracy",)),
            Answered("bezzon/three-melanoma", _best("three"), ("f1/mel",)),
            Answered("bezzon/four-macro", metrics=("macro_f1",)),
            Answered("bezzon/four-dermatofibroma", metrics=("f1/df",)),
            Answered("bezzon/four-other-classes", metrics=("f1/akiec", "f1/bcc", "f1/bkl", "f1/nv", "f1/vasc")),
            Answered("bezzon/five-decreases", (("four", "five"),), ("macro_f1", "accuracy")),
            Answered("bezzon/three-against-four", (("three", "four"),), ("accuracy",)),
        ),
        "At 32 px the last of five blocks sees maps of two pixels a side, and nine epochs are few for a deep network.",
    ),
    Question(
        _BEZZON,
        "imbalance",
        "Class weights, oversampling, or neither?",
        "Oversampling has the best macro F1 (.56 against .51); class weights cost accuracy (.65 against .77).",
        named_rows(four="neither", weights="class weights", oversampled="oversampling by augmentation"),
        (("oversampled", "four"), ("oversampled", "weights")),
        ("macro_f1", "balanced_accuracy", "accuracy", "sensitivity/mel"),
        (
            Answered(
                "bezzon/weights-best", (("weights", "four"), ("weights", "oversampled")), ("macro_f1", "accuracy")
            ),
            Answered("bezzon/oversampling-costs", (("four", "weights"),), ("accuracy",)),
        ),
        "About as many photos pass in all: two epochs of the oversampled ones, nine of the others.",
    ),
    Question(
        _BEZZON,
        "rate",
        "Which learning rate?",
        "1e-4 is best: at 1e-3 the network overfits soon, at 1e-5 it takes too many epochs.",
        named_rows(rate_1e_3="1e-3 (ours 3e-3)", four="1e-4 (ours 3e-4)", rate_1e_5="1e-5 (ours 3e-5)"),
        (("four", "rate-1e-3"), ("four", "rate-1e-5")),
        ("accuracy", "macro_f1"),
        note="Our rates are three times the report's, for there are far fewer steps.",
        lesser_may_fail=True,
    ),
    Question(
        _BEZZON,
        "optimiser",
        "Adam, SGD or RMSprop?",
        "With SGD and RMSprop the network does not learn (68%); with Adam it does.",
        named_rows(four="Adam", sgd="SGD", rmsprop="RMSprop"),
        (("four", "sgd"), ("four", "rmsprop")),
        ("accuracy", "macro_f1"),
        note="The report prints no rate of SGD and RMSprop: Keras's own, 1e-2 and 1e-3.",
        lesser_may_fail=True,
    ),
    Question(
        _BEZZON,
        "frozen",
        "Does a frozen ImageNet network learn anything here?",
        "No: frozen, Inception-v3 calls everything a nevus.",
        named_rows(inception_frozen="EfficientNet-Lite0 (frozen)", four="CNN of four blocks"),
        ((CONSTANT, "inception-frozen"),),
        ("balanced_accuracy", "accuracy", "macro_f1"),
        (Answered("bezzon/inception-constant"),),
        "EfficientNet-Lite0 with ImageNet weights stands in for Inception-v3, whose weights are not here offline.",
        fair=False,
    ),
)
