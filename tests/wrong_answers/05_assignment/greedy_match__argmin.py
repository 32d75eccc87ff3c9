# Each target takes its cheapest guess: no row is ever crossed out.
def greedy_match(cost):
    pairs = [(cost[:, column].argmin(), column) for column in range(cost.shape[1])]
    return sorted(pairs, key=lambda pair: cost[pair])
