"""Programs that use PyTorch: killed and run again, they give what an uninterrupted run gives."""
import pytest

pytest.importorskip("torch")


def test_torch__its_global_generator_goes_on(program, tmp_path):
    source = """
        import os, torch
        from resume import Checkpoint

        def main():
            chp = Checkpoint()
            start = torch.rand(()).item()
            out = []
            chp.restore()
            while len(out) < 5:
                out.append(torch.randn(()).item())
                chp.save()
                if os.environ.get("KILL") == str(len(out)): os.kill(os.getpid(), 9)
            return start, out
        if not os.environ.get("UNSEEDED"):
            torch.manual_seed(5)
        print(main(), torch.rand(()).item())
    """
    whole = program(source, folder=tmp_path / "whole").run().check().out
    pieces = program(source, folder=tmp_path / "pieces")
    assert pieces.run(KILL="2").killed
    assert pieces.run(KILL="4", UNSEEDED="1").killed
    assert pieces.run(UNSEEDED="1").check().out == whole
