"""The architectures of the small classifiers that come with the project, for 64x64 `shapes`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from timm.layers import HybridEmbed
from timm.models.resnet import BasicBlock, ResNet
from timm.models.vision_transformer import VisionTransformer
from torch import nn

SIDE = 64
CLASSES = 10
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
WEIGHTS = Path(__file__).parent / "weights"
SHA256 = {
    "mini-resnet": "8199647432a18fddbfc38ce64928da5dee92333af2937c24f68594972fa75cec",
    "mini-vit": "f7a7e8cc4813dd34b1d2d0de81ef3e52b27b75d2aa7c3afa1e54bfd51ae99261",
}


class ConvStem(nn.Sequential):
    """Three pairs of convolutions that make 8x8 tokens of a 64x64 picture (Xiao et al. 2021).

    A stem of convolutions lets a transformer of this size learn from 24,000 pictures.
    """

    def __init__(self, width: int) -> None:
        """Pairs of width/4, width/2 and `width` channels, each halving the picture's side."""
        layers: list[nn.Module] = []
        channels = 3
        for out in (width // 4, width // 2, width):
            for stride in (2, 1):
                layers += [
                    nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False),
                    nn.BatchNorm2d(out),
                    nn.ReLU(),
                ]
                channels = out
        super().__init__(*layers)
        self.num_features = width


def mini_resnet() -> nn.Module:
    """A residual network of four basic blocks, 0.75 M parameters."""
    network: nn.Module = ResNet(
        BasicBlock,
        (1, 1, 1, 1),
        num_classes=CLASSES,
        stem_type="deep",
        stem_width=16,
        channels=(32, 64, 128, 160),
    )
    return network


def mini_vit() -> nn.Module:
    """A vision transformer: four blocks, 64 tokens, convolutional stem, 0.6 M parameters."""

    def embed(**arguments: object) -> nn.Module:
        tokens: nn.Module = HybridEmbed(
            ConvStem(96), img_size=SIDE, patch_size=1, feature_size=(8, 8), in_chans=3, embed_dim=96
        )
        return tokens

    network: nn.Module = VisionTransformer(
        img_size=SIDE,
        patch_size=8,
        num_classes=CLASSES,
        embed_dim=96,
        depth=4,
        num_heads=4,
        mlp_ratio=3,
        embed_layer=embed,
        class_token=False,
        global_pool="avg",
    )
    return network


ARCHITECTURES: Mapping[str, Callable[[], nn.Module]] = {
    "mini-resnet": mini_resnet,
    "mini-vit": mini_vit,
}
