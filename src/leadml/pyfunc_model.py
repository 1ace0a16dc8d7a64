"""The MLflow model, from code: loads the plain-file scorer that is stored beside it. Nothing is unpickled."""

import mlflow
import pandas as pd


class ScorerModel(mlflow.pyfunc.PythonModel):
    """predict(frame) is `LeadScorer.score(frame)`."""

    def load_context(self, context):  # noqa: D102, ANN  signature fixed by MLflow; hints would change how it reads frames
        from leadml.scorer import LeadScorer

        self.scorer = LeadScorer.load(context.artifacts["scorer"])

    def predict(self, context, model_input, params=None):  # noqa: D102  as above
        return self.scorer.score(pd.DataFrame(model_input))


mlflow.models.set_model(ScorerModel())
