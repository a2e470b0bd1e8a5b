"""Voice activity, streaming recognition, pinyin to hanzi decoding and utterance segmentation."""
