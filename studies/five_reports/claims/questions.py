"""Every question of the five reports that our runs answer, report by report; a row here is all that a question needs."""

from __future__ import annotations

from types import MappingProxyType

from studies.five_reports.claims.question import CONSTANT, Answered, Pair, Question, against, named_rows

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
        "FGSM at ε = 3e-3 lowers the accuracy from 89.7% to 74.1%, far more than noise of the same size does.",
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
        "Gaussian noise of σ = 3e-3 lowers the accuracy from 89.7% to 88.6%.",
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
            f"Fine-tuning beats training from scratch in AUC, F1 and accuracy ({task}).",
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
            f"Training the last stage alone gives better results than training the last two ({task}).",
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
        "A learning rate of 1e-4 gives better results than 1e-5 (accuracy .935 against .915).",
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
        "ResNet-50 is the best of five backbones (the text names ResNet-152).",
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
        "A learning rate of 1e-4 is best: at 1e-3 the network overfits soon, at 1e-5 it takes too many epochs.",
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
        "A frozen Inception-v3 learns nothing: it calls everything a nevus.",
        named_rows(inception_frozen="EfficientNet-Lite0 (frozen)", four="CNN of four blocks"),
        ((CONSTANT, "inception-frozen"),),
        ("balanced_accuracy", "accuracy", "macro_f1"),
        (Answered("bezzon/inception-constant"),),
        "EfficientNet-Lite0 with ImageNet weights stands in for Inception-v3, whose weights are not here offline.",
        fair=False,
    ),
)


QUESTIONS: tuple[Question, ...] = (*GUPTA, *CHAUDHARY, *SAGAR, *HAM10000, *BEZZON)
"""All questions, in the order of the reports and of the page."""
