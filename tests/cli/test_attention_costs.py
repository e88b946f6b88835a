"""`glassworks info` tells what attention costs at a size of one's choice, beside the published one."""

import re


def test_info_shows_tokens_multiply_adds_and_memory_beside_the_published_size(ask):
    code, text, _ = ask("info", "vit", "--variant", "b16", "--image-size", "384", "--patch", "8")
    assert code == 0
    line = {row.split("  ")[0]: re.split(r" {2,}", row) for row in text.splitlines() if "  " in row}
    assert line["one picture, all blocks"][1:] == [
        "384x384, patch 8",
        "224x224, patch 16 (published)",
        "times",
    ]
    assert line["tokens"][1:] == ["2,305", "197", "11.70"]
    assert line["multiply-adds"][1:] == ["294,043,805,184", "17,563,067,904", "16.74"]
    assert line["maps written down, fp16"][1:] == ["1.4 GB", "10.7 MB", "136.90"]
    assert line["kept by a fused kernel"][1:] == ["1.3 MB", "110.8 KB", "11.70"]
    rows = {row.split()[0]: row.split() for row in text.splitlines() if row.startswith("blocks.")}
    assert rows["blocks.11"][3:6] == ["24,475,338,240", "8,160,806,400", "121.6"]


def test_a_patch_for_a_system_without_patches_is_told(ask):
    code, _, told = ask("info", "cnn", "--patch", "8")
    assert code == 2 and "leave out --patch" in told


def test_systems_without_attention_show_what_they_did(ask):
    code, text, _ = ask("info", "resnet", "--variant", "18")
    assert code == 0 and "37,016,576 multiply-adds" in text
    assert "of these maps" not in text and "all blocks" not in text
