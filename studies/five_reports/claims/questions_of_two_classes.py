"""Reproduction: the questions of the three reports that tell two classes apart."""

from __future__ import annotations

from types import MappingProxyType

from studies.five_reports.claims.question import Answered, Pair, Question, against, named_rows

_GUPTA, _CHAUDHARY, _SAGAR = "gupta-et-al", "chaudhary-byun", "sagar-jacob"

_PRETRAINED = ("lite0-pretrained", "lite1-pretrained", "lite2-pretrained")
_SCRATCH = ("lite0-scratch", "lite1-scratch", "lite2-scratch")
_LITES = MappingProxyType(
    {
        row: f"EfficientNet-Lite{row[4]} ({'ImageNet weights' if row in _PRETRAINED else 'from scratch'})"
        for row in (*_PRETRAINED, *_SCRATCH)
    }
)
_SAME_TIME = (
    "Each network had about the same time and began from random weights, so the larger ones saw "
    "fewer photos, fewer times."
)


def _ladder(rows: tuple[str, str, str]) -> tuple[Pair, ...]:
    first, second, third = rows
    return ((first, second), (second, third), (first, third))


GUPTA = (
    Question(
        _GUPTA,
        "deeper",
        "Does a deeper network of the same family do worse?",
        "Shallower networks do better than deeper ones (92.0% of ResNet-18 down to 88.6% of ResNet-152).",
        _LITES,
        (*_ladder(_PRETRAINED), *_ladder(_SCRATCH)),
        ("accuracy", "malignant_auc"),
        (Answered("gupta/deeper-is-worse", _ladder(_PRETRAINED), ("accuracy",)),),
        "EfficientNet-Lite stands in for ResNet: the one family whose ImageNet weights are here offline, all six rows with "
        "the same photos and epochs. Its steps in depth are small, and Lite2 is a tenth wider as well.",
    ),
    Question(
        _GUPTA,
        "table-1",
        "And the networks of Table 1 themselves?",
        "ResNet-18 does better than ResNet-50, -101 and -152.",
        named_rows(
            resnet_18="ResNet-18",
            resnet_50="ResNet-50",
            resnet_101="ResNet-101",
            resnet_152="ResNet-152",
            resnext_50="ResNeXt-50",
            densenet_121="DenseNet-121",
            densenet_161="DenseNet-161",
            alexnet="AlexNet",
        ),
        (("resnet-18", "resnet-50"), ("resnet-50", "resnet-101"), ("resnet-101", "resnet-152")),
        ("accuracy", "malignant_auc"),
        (Answered("gupta/one-image", (("densenet-121", "resnet-18"),), ("accuracy",)),),
        _SAME_TIME,
        fair=False,
    ),
    Question(
        _GUPTA,
        "pretrained",
        "Do ImageNet weights help?",
        "",
        _LITES,
        tuple(zip(_PRETRAINED, _SCRATCH, strict=True)),
        ("accuracy", "malignant_auc"),
        note="The report takes ImageNet weights for granted, its photos being few, and compares them with nothing.",
        lesser_may_fail=True,
    ),
    Question(
        _GUPTA,
        "baseline",
        "Does a modern network beat the LeNet-like baseline?",
        "ResNet-18 clearly outperforms the baseline (89.7% against 84.2%).",
        named_rows(
            lite0_pretrained="EfficientNet-Lite0 (ImageNet weights)",
            resnet_18="ResNet-18 (from scratch)",
            baseline="the LeNet-like baseline",
        ),
        (("lite0-pretrained", "baseline"),),
        ("accuracy", "malignant_auc"),
        (Answered("gupta/beats-baseline", metrics=("accuracy",)),),
        "EfficientNet-Lite0 stands in for ResNet-18, whose ImageNet weights are not here offline; it saw half the baseline's "
        "photos and a sixth of its epochs.",
    ),
    Question(
        _GUPTA,
        "fgsm",
        "How much accuracy does FGSM at ε = 3e-3 cost?",
        "It lowers the accuracy from 89.7% to 74.1%, far more than noise of the same size does.",
        named_rows(
            resnet_18="clean photos",
            resnet_18__noise="noise of σ = 3e-3",
            resnet_18__fgsm="FGSM at ε = 3e-3",
        ),
        (("resnet-18", "resnet-18/fgsm"), ("resnet-18/noise", "resnet-18/fgsm")),
        ("accuracy",),
        (Answered("gupta/fooled", (("resnet-18", "resnet-18/fgsm"),)),),
        "ResNet-18 from scratch at the laptop's budget: how far a network falls depends on how it was trained.",
    ),
    Question(
        _GUPTA,
        "noise",
        "Does Gaussian noise of σ = 3e-3 cost accuracy?",
        "It lowers the accuracy from 89.7% to 88.6%.",
        named_rows(resnet_18="clean photos", resnet_18__noise="noise of σ = 3e-3"),
        (("resnet-18", "resnet-18/noise"),),
        ("accuracy",),
        (Answered("gupta/noise-costs"),),
    ),
)


def _fine_tuning(task: str, sought: str, prefix: str) -> tuple[Question, Question]:
    """The report's two questions of one of its two tasks; ``prefix`` is that of the statements' ids."""
    conv5, both, scratch = f"{task}-conv5", f"{task}-conv4-conv5", f"{task}-lite0-scratch"
    asked = (f"roc_auc/{sought}", f"f1/{sought}", "accuracy")
    metrics = (asked[0], "balanced_accuracy", *asked[1:])
    five = (asked[2], f"precision/{sought}", f"sensitivity/{sought}", asked[1], asked[0])
    rows = {
        conv5: "Lite0 (last stage trained)",
        both: "Lite0 (last two stages trained)",
        scratch: "Lite0 (from scratch)",
        f"{task}-resnet-50": "ResNet-50 (from scratch, other budget)",
        f"{task}-resnet-101": "ResNet-101 (from scratch, other budget)",
    }
    differ = (Answered("chaudhary/stages-differ", ((both, conv5),), ("accuracy",)),) if task == "melanoma" else ()
    return (
        Question(
            _CHAUDHARY,
            f"{task}-fine-tuned",
            f"Does fine-tuning beat training from scratch ({task})?",
            "Fine-tuning beats training from scratch in AUC, F1 and accuracy.",
            MappingProxyType(rows),
            against(conv5, (scratch,)) + against(both, (scratch,)),
            metrics,
            (
                Answered(f"chaudhary/{prefix}conv5-beats{'' if prefix else '-50'}", ((conv5, scratch),), asked),
                Answered(f"chaudhary/{prefix}conv4-beats{'' if prefix else '-50'}", ((both, scratch),), asked),
            ),
            "EfficientNet-Lite0 stands in for ResNet-50, whose ImageNet weights are not here offline, on both sides. What the "
            "report calls AUC is balanced accuracy; ours is the area under the ROC curve, with balanced accuracy beside it.",
            lesser_may_fail=True,
        ),
        Question(
            _CHAUDHARY,
            f"{task}-stages",
            f"Does fine-tuning the last stage alone do better ({task})?",
            "Training the last stage alone gives better results than training the last two.",
            MappingProxyType({row: rows[row] for row in (conv5, both)}),
            ((conv5, both),),
            metrics,
            (Answered(f"chaudhary/{prefix}conv5-is-enough", metrics=five), *differ),
            "EfficientNet-Lite0 stands in for ResNet-50; its stages are cut where the maps have the same size.",
        ),
    )


CHAUDHARY = (*_fine_tuning("melanoma", "mel", ""), *_fine_tuning("keratosis", "bkl", "keratosis-"))

_FIVE = ("accuracy", "roc_auc/malignant", "f1/malignant", "precision/malignant", "sensitivity/malignant")
_LITE0_FOR_RESNET = (
    "EfficientNet-Lite0 with its ImageNet weights stands in on both sides for ResNet-50, whose weights are "
    "not here offline. "
)
_BACKBONES = ("inception-v3", "inception-resnet-v2", "mobilenet", "densenet-169")
SAGAR = (
    Question(
        _SAGAR,
        "batch",
        "Batches of 64, or of 32?",
        "Batches of 64 give better results than of 32 (accuracy .935 against .928).",
        named_rows(batch_64="batches of 64", batch_32="batches of 32"),
        (("batch-64", "batch-32"),),
        _FIVE,
        (Answered("sagar/batch-64"), Answered("sagar/batch-64-chance", metrics=("accuracy",))),
        _LITE0_FOR_RESNET + "At the same epochs, batches of 32 make twice as many steps.",
    ),
    Question(
        _SAGAR,
        "rate",
        "A learning rate of 1e-4, or of 1e-5?",
        "1e-4 gives better results than 1e-5 (accuracy .935 against .915).",
        named_rows(batch_64="Adam, 1e-4", rate_1e_5="Adam, 1e-5"),
        (("batch-64", "rate-1e-5"),),
        _FIVE,
        (Answered("sagar/rate"), Answered("sagar/rate-chance", metrics=("accuracy",))),
        _LITE0_FOR_RESNET + "The fewer the steps, the more a small rate loses.",
        lesser_may_fail=True,
    ),
    Question(
        _SAGAR,
        "optimiser",
        "Adam, or SGD?",
        "Adam performs better than SGD with momentum (accuracy .935 against .903).",
        named_rows(batch_64="Adam", sgd="SGD with momentum"),
        (("batch-64", "sgd"),),
        _FIVE,
        (Answered("sagar/adam"), Answered("sagar/adam-chance", metrics=("accuracy",))),
        _LITE0_FOR_RESNET
        + "The report does not print SGD's rate. Ours is Adam's, 1e-4, which is little for SGD: this is about the "
        "rate as much as about the optimiser.",
        lesser_may_fail=True,
    ),
    Question(
        _SAGAR,
        "photos",
        "How much do more training photos help?",
        "",
        named_rows(batch_64="1,200 training photos", size_600="600 training photos", size_300="300 training photos"),
        (("batch-64", "size-600"), ("size-600", "size-300"), ("batch-64", "size-300")),
        _FIVE[:3],
        (Answered("sagar/table-1-is-by-class"),),
        "The report's Table 1 is captioned as if it were about this, but its rows are one class and both. In our runs as many "
        "photos pass in all, the fewer the more often.",
    ),
    Question(
        _SAGAR,
        "backbone",
        "Which backbone is best?",
        "ResNet-50 is the best of the five (the text names ResNet-152).",
        named_rows(
            resnet_50="ResNet-50",
            inception_v3="Inception-v3",
            inception_resnet_v2="Inception-ResNet-v2",
            mobilenet="MobileNet",
            mobilenet_v2="MobileNet-v2",
            densenet_169="DenseNet-169",
        ),
        against("resnet-50", _BACKBONES),
        _FIVE[:3],
        (Answered("sagar/winner-of-table-5", metrics=_FIVE),),
        _SAME_TIME,
        fair=False,
    ),
)
