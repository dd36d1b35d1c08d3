-- The batteries of a model. By model alone: equal keys share their place, so it stays small and is cheap to add to.
create index subject_model on subject (model) where model is not null;
