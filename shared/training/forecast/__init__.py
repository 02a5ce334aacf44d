"""The task of forecasting: from order lines to what will be sold, day by day, with intervals."""
