"""The official OpenAI SDK as a client of the gateway.

Started by tests/openai_sdk.rs, which starts the gateways and names them in the
environment:

  GATEWAY_URL         default behaviour, `serveModels` on
  STRICT_GATEWAY_URL  `onUnknownModel` and `onMissingModel` reject, a small
                      `maxBodyBytes` (10,000)

Asserts both what the SDK makes of good answers and which exception, with which
fields, it makes of each refusal.
"""

import os
import unittest

import openai

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
MESSAGES = [{"role": "user", "content": "Say something."}]


def client(variable):
    return openai.OpenAI(
        base_url=os.environ[variable] + "/v1",
        api_key="none-needed",
        # A retry would hide an error that comes once.
        max_retries=0,
    )


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = client("GATEWAY_URL")

    def test_chat(self):
        answer = self.client.chat.completions.create(
            model="food-review-1", messages=MESSAGES, max_tokens=8
        )
        self.assertEqual(answer.model, "food-review-1")
        self.assertTrue(answer.choices[0].message.content)
        self.assertGreater(answer.usage.completion_tokens, 0)

    def test_the_raw_answer_names_its_pool(self):
        raw = self.client.chat.completions.with_raw_response.create(
            model="ski-resorts", messages=MESSAGES, max_tokens=8
        )
        self.assertEqual(raw.headers["x-gateway-pool"], "vllm-deepseek-r1")
        self.assertTrue(raw.headers["x-inference-pod"].startswith("vllm-deepseek-r1-"))

    def test_chat_stream_with_usage(self):
        stream = self.client.chat.completions.create(
            model="food-review-1",
            messages=MESSAGES,
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
        text, usage = "", None
        for chunk in stream:
            if chunk.choices:
                text += chunk.choices[0].delta.content or ""
            if chunk.usage:
                usage = chunk.usage
        self.assertTrue(text)
        self.assertIsNotNone(usage)
        self.assertEqual(
            usage.total_tokens, usage.prompt_tokens + usage.completion_tokens
        )

    def test_completion(self):
        answer = self.client.completions.create(
            model=LLAMA, prompt="Once upon a time", max_tokens=8
        )
        self.assertEqual(answer.model, LLAMA)
        self.assertTrue(answer.choices[0].text)

    def test_completion_stream(self):
        stream = self.client.completions.create(
            model="english-bot", prompt="Once", max_tokens=8, stream=True
        )
        self.assertTrue("".join(c.choices[0].text for c in stream if c.choices))

    def test_embeddings(self):
        answer = self.client.embeddings.create(model="chatbot", input=["a", "b"])
        self.assertEqual(len(answer.data), 2)
        self.assertTrue(answer.data[0].embedding)

    def test_responses(self):
        answer = self.client.responses.create(
            model="movie-critique", input="Hello", max_output_tokens=8
        )
        self.assertEqual(answer.model, "movie-critique")
        self.assertTrue(answer.output_text)

    def test_responses_stream(self):
        stream = self.client.responses.create(
            model="movie-critique", input="Hello", max_output_tokens=8, stream=True
        )
        kinds = [event.type for event in stream]
        self.assertEqual(kinds[0], "response.created")
        self.assertIn("response.output_text.delta", kinds)

    def test_transcription(self):
        answer = self.client.audio.transcriptions.create(
            model="spanish-bot", file=("speech.wav", b"RIFF" + bytes(50_000))
        )
        self.assertTrue(answer.text)

    def test_models_list(self):
        models = {model.id: model for model in self.client.models.list()}
        self.assertIn(LLAMA, models)
        self.assertEqual(models["food-review-1"].object, "model")
        # vLLM's field, which the SDK keeps though it does not know it.
        self.assertEqual(models["food-review-1"].parent, LLAMA)

    def test_models_retrieve(self):
        self.assertEqual(self.client.models.retrieve("food-review-1").id, "food-review-1")
        # The SDK escapes the slash.
        self.assertEqual(self.client.models.retrieve(LLAMA).id, LLAMA)


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = client("GATEWAY_URL")
        cls.strict = client("STRICT_GATEWAY_URL")

    def refused(self, kind, status, code, param, call):
        with self.assertRaises(openai.APIStatusError) as caught:
            call()
        error = caught.exception
        self.assertIs(type(error), kind, error)
        self.assertEqual(error.status_code, status)
        self.assertEqual(error.code, code)
        self.assertEqual(error.param, param)
        self.assertEqual(error.type, "invalid_request_error")
        # The SDK hands over the inside of {"error": ...}.
        self.assertEqual(error.body["code"], code)
        self.assertEqual(error.body["param"], param)
        self.assertTrue(error.body["message"])
        self.assertIn(error.body["message"], str(error))
        return error

    def chat(self, client, model="chatbot", messages=MESSAGES, **options):
        return lambda: client.chat.completions.create(
            model=model, messages=messages, **options
        )

    def test_a_model_that_is_not_a_string(self):
        self.refused(
            openai.BadRequestError,
            400,
            "invalid_type",
            "model",
            self.chat(self.client, model=7),
        )

    def test_a_model_that_no_header_can_carry(self):
        self.refused(
            openai.BadRequestError,
            400,
            "invalid_value",
            "model",
            self.chat(self.client, model="a\nb"),
        )

    def test_a_missing_model(self):
        def call():
            self.strict.post("/chat/completions", body={"messages": []}, cast_to=object)

        self.refused(
            openai.BadRequestError, 400, "missing_required_parameter", "model", call
        )

    def test_a_body_that_is_no_json(self):
        def call():
            self.client.post(
                "/chat/completions",
                content=b'{"model": "chatbot",',
                options={"headers": {"content-type": "application/json"}},
                cast_to=object,
            )

        self.refused(openai.BadRequestError, 400, "invalid_json", None, call)

    def test_an_unknown_model(self):
        error = self.refused(
            openai.NotFoundError,
            404,
            "model_not_found",
            "model",
            self.chat(self.strict, model="unheard-of"),
        )
        self.assertIn("unheard-of", error.message)

    def test_an_unknown_model_in_a_stream(self):
        self.refused(
            openai.NotFoundError,
            404,
            "model_not_found",
            "model",
            self.chat(self.strict, model="unheard-of", stream=True),
        )

    def test_an_unknown_model_by_routes_alone(self):
        # No option is set: the guides' last route answers.
        self.refused(
            openai.NotFoundError,
            404,
            "model_not_found",
            "model",
            self.chat(self.client, model="unheard-of"),
        )

    def test_an_unknown_model_retrieved(self):
        self.refused(
            openai.NotFoundError,
            404,
            "model_not_found",
            "model",
            lambda: self.client.models.retrieve("unheard-of"),
        )

    def test_a_body_above_the_limit(self):
        messages = [{"role": "user", "content": "x" * 20_000}]
        self.refused(
            openai.APIStatusError,
            413,
            "request_too_large",
            None,
            self.chat(self.strict, messages=messages),
        )

    def test_a_file_above_the_limit(self):
        self.refused(
            openai.APIStatusError,
            413,
            "request_too_large",
            None,
            lambda: self.strict.audio.transcriptions.create(
                model="spanish-bot", file=("speech.wav", bytes(20_000))
            ),
        )

    def test_a_compressed_body(self):
        self.refused(
            openai.APIStatusError,
            415,
            "unsupported_content_encoding",
            None,
            self.chat(self.client, extra_headers={"content-encoding": "gzip"}),
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
