"""Make torchvision_googlenet.npz: needs torch and torchvision.

    python tests/golden/make_torchvision_googlenet.py

Holds the shape of every tensor of the state dict, and the logits of the three
classifiers in eval mode for the image and the weights that
tests/weights/conftest.py makes, as torchvision 0.29.1 computes them.
"""

import importlib.util
from pathlib import Path

import torch  # in front of TensorFlow, which it cannot follow
import torchvision

FOLDER = Path(__file__).parent


def main():
    spec = importlib.util.spec_from_file_location(
        "rule", FOLDER.parent / "weights" / "conftest.py"
    )
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    model = torchvision.models.googlenet(
        weights=None, init_weights=False, aux_logits=True
    ).eval()
    shapes = {name: tuple(v.shape) for name, v in model.state_dict().items()}
    state = {
        name: torch.as_tensor(value)
        for name, value in rule.state_of(shapes).items()
    }
    model.load_state_dict(state)
    seen = {}
    for module in ("inception4a", "inception4d"):
        getattr(model, module).register_forward_hook(
            lambda _, __, output, module=module: seen.update({module: output})
        )
    image = torch.from_numpy(rule.image().transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        logits = {
            "main": model(image),
            "aux1": model.aux1(seen["inception4a"]),
            "aux2": model.aux2(seen["inception4d"]),
        }
    rule.np.savez_compressed(
        FOLDER / "torchvision_googlenet.npz",
        **{f"logits/{head}": value for head, value in logits.items()},
        **{f"shape/{name}": shape for name, shape in shapes.items()},
    )


if __name__ == "__main__":
    main()
