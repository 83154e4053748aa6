"""Build and run the native loader: a program in C++ that runs a SavedModel.

    python -m export.native models/faster_rcnn/1 photo.jpg

builds `run_saved_model.cc` against the installed TensorFlow wheel (half a
minute, needs g++) and prints the answer of the model for the photo.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("run_saved_model.cc")


class NativeError(RuntimeError):
    """Error of the native loader or of its compiler."""


def build(program: Path, compiler: str = "g++") -> Path:
    """Compile the native loader against the TensorFlow wheel.

    Args:
        program: Path of the program to write.
        compiler: Name of a C++17 compiler. Defaults to "g++".

    Returns:
        `program`.

    Raises:
        FileNotFoundError: If the compiler or TensorFlow is not installed.
        NativeError: If the compiler fails. The message is the compiler's.
    """
    if shutil.which(compiler) is None:
        raise FileNotFoundError(
            f"The native loader needs a C++ compiler. Received: "
            f"compiler={compiler!r}, which is not on the PATH"
        )
    # The wheel is found without an import, which would take three seconds.
    tensorflow = importlib.util.find_spec("tensorflow")
    if tensorflow is None or not tensorflow.submodule_search_locations:
        raise FileNotFoundError(
            "The native loader links against the tensorflow wheel, which is "
            "not installed"
        )
    wheel = tensorflow.submodule_search_locations[0]
    unfinished = program.with_name(f"{program.name}.{os.getpid()}.tmp")
    flags = [
        *("-O1", "-std=c++17", "-w"),
        # The options that the wheel was compiled with.
        *("-D_GLIBCXX_USE_CXX11_ABI=1", "-DEIGEN_MAX_ALIGN_BYTES=64"),
        *(f"-I{wheel}/include", str(SOURCE), "-o", str(unfinished)),
        # Without --no-as-needed the linker drops libtensorflow_cc, whose
        # sessions and kernels register themselves: "No session factory".
        *(f"-L{wheel}", "-Wl,--no-as-needed"),
        *("-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"),
        f"-Wl,-rpath,{wheel}",
    ]
    done = subprocess.run([compiler, *flags], capture_output=True, text=True)
    if done.returncode != 0:
        raise NativeError(f"{compiler} failed:\n{done.stderr}")
    os.replace(unfinished, program)
    return program


def run(
    program: Path,
    saved_model: Path,
    signature: str,
    inputs: Mapping[str, np.ndarray | list[bytes]],
) -> dict[str, np.ndarray]:
    """Run one signature of a SavedModel in the native loader.

    Args:
        program: Program that `build` has written.
        saved_model: Folder of a version.
        signature: Name of a signature.
        inputs: Dict from input names to arrays (float32, int32 or uint8) or
            lists of byte strings.

    Returns:
        Dict from output names to arrays. Strings are NumPy's bytes of fixed
        length.

    Raises:
        NativeError: If the model does not load or run. The message is
            TensorFlow's.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            f"{name}={_write(Path(folder), name, value)}"
            for name, value in inputs.items()
        ]
        out = Path(folder) / "outputs"
        out.mkdir()
        done = subprocess.run(
            [program, saved_model, signature, out, *arguments],
            capture_output=True,
            text=True,
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
        )
        if done.returncode != 0:
            # TensorFlow's messages come before those of the program.
            _, _, error = done.stderr.rpartition("run_saved_model: ")
            raise NativeError(f"exit status {done.returncode}: {error.strip()}")
        return {path.stem: np.load(path) for path in out.glob("*.npy")}


class Loader:
    """Run many requests on a loaded version in one process.

    Use it as a context manager, so that the process ends.

    Args:
        program: File that `build` made.
        saved_model: Folder of a version. Paths must not have blanks.

    Example:

    ```python
    with Loader(program, Path("models/faster_rcnn/1")) as loader:
        answer = loader.run("serving_bytes", {"image_bytes": [jpeg]})
    ```
    """

    def __init__(self, program: Path, saved_model: Path):
        self._folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [program, saved_model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
        )

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()
        self._folder.cleanup()

    def run(
        self, signature: str, inputs: Mapping[str, np.ndarray | list[bytes]]
    ) -> dict[str, np.ndarray]:
        """Run one signature.

        Args:
            signature: Name of a signature.
            inputs: Input name to an array (float32, int32 or uint8) or a list
                of byte strings.

        Returns:
            Output name to array.

        Raises:
            NativeError: If it does not run, or the process has ended.
        """
        folder = Path(self._folder.name)
        out = folder / "outputs"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        arguments = [
            f"{name}={_write(folder, name, value)}"
            for name, value in inputs.items()
        ]
        try:
            print(
                signature, out, *arguments, file=self.process.stdin, flush=True
            )
            lines = iter(self.process.stdout.readline, "")
            # One line for each output comes first.
            answer = next(line for line in lines if line.startswith("= "))
        except (BrokenPipeError, StopIteration):
            raise NativeError(
                f"the process has ended, exit status {self.process.wait()}"
            ) from None
        if answer.startswith("= error"):
            raise NativeError(answer.removeprefix("= error").strip())
        return {path.stem: np.load(path) for path in out.glob("*.npy")}


def _write(folder, name, value):
    if not isinstance(value, list):
        path = folder / f"{name}.npy"
        np.save(path, value)
        return str(path)
    paths = [folder / f"{name}.{i}" for i in range(len(value))]
    for path, content in zip(paths, value, strict=True):
        path.write_bytes(content)
    return ",".join(map(str, paths))
